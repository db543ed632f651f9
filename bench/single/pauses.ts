/**
 * Whether the pauses between rounds tell plaintexts: a cloud that answers with
 * encryptions of zeros, of ones and of the largest plaintext in a random order
 * measures the time from its answer to the next request.
 *
 * @module
 */
import { Command } from "commander";
import { wholeNumber } from "../../cli/commands/command.ts";
import { readScriptArguments } from "../../cli/commands/program.ts";
import { PaillierEngine } from "../../sdk/paillier/private/paillier_engine.ts";
import { runInference } from "../../sdk/session/inference.ts";
import { ReleaseGrid } from "../../sdk/session/release_grid.ts";
import { platformClock } from "../../sdk/support/clock.ts";
import { inputActivations } from "../../sdk/fixed_point/quantise.ts";
import { encodeRoundResponse } from "../../sdk/wire/codec.ts";
import { type InferencePlan, planFormat } from "../../sdk/wire/plan.ts";
import { median } from "../shared/harness.ts";
import { benchKey, twoPrimeKey } from "../shared/keys.ts";

const { rounds: roundsEach, twoPrimes, json } = readScriptArguments(
  new Command("bench/single/pauses.ts")
    .description("Whether the pauses between rounds tell plaintexts.")
    .option("--rounds <n>", "of each kind of plaintext", wholeNumber(1), 200)
    .option("--two-primes", "a key of two primes and not of three", false)
    .option("--json", "print one JSON object", false),
);
const length = 40;

const key = twoPrimes ? twoPrimeKey(2048) : benchKey(2048);
using owner = new PaillierEngine(key, { threads: 0 });
const { modulus } = owner.publicKey;
const kinds = { zero: 0n, one: 1n, largest: modulus - 1n };
type Kind = keyof typeof kinds;
const names = Object.keys(kinds) as Kind[];

const roundCount = roundsEach * names.length + 1;
const values = {
  shape: [length],
  labels: null,
  units: null,
  scale: [1],
  offset: [0],
};
const plan: InferencePlan = {
  format: planFormat,
  samples: 1,
  inputs: [{ ...values, name: "input", low: 0, high: 1 }],
  rounds: Array.from({ length: roundCount }, (_, index) => ({
    layout: {
      kind: "dense",
      samples: 1,
      fold: 1,
      inputs: [{ tensor: index === 0 ? "input" : `a${index - 1}`, length }],
      outputLength: length,
      slotBits: 20,
      guardBits: 0,
      valuesPerCiphertext: 1,
    },
    steps: [{ op: "relu" }, {
      op: "requantise",
      multiplier: 1,
      shift: 0,
      low: -1,
      high: 1,
    }],
    writes: `a${index}`,
    shards: 1,
  })),
  outputs: [{
    ...values,
    name: "output",
    tensor: `a${roundCount - 1}`,
    start: 0,
    tail: "none",
  }],
  states: [],
  reveal: "scores",
  powerOfTwo: true,
};

/** Which plaintext each round is answered with: as often each, in any order. */
const order = names.flatMap((name) => Array<Kind>(roundsEach).fill(name));
for (let i = order.length - 1; i > 0; i--) {
  const other = Math.floor(Math.random() * (i + 1));
  [order[i], order[other]] = [order[other], order[i]];
}
const pauses: Record<Kind, number[]> = { zero: [], one: [], largest: [] };
let answered = 0, index = 0;
await runInference(
  {
    plan,
    owner,
    clock: platformClock,
    grid: new ReleaseGrid(platformClock, 0),
    onState: () => {},
    onRound: () => {},
    post: async () => {
      if (index > 0) {
        pauses[order[index - 1]].push(performance.now() - answered);
      }
      // Fresh ones, so that no ciphertext's own number is taken for its plaintext.
      const ciphertexts = await owner.encryptBatch(
        Array(length).fill(kinds[order[index] ?? "zero"]),
      );
      await owner.fillPool(length);
      index++;
      const token = new Uint8Array(index === roundCount ? 0 : 8);
      const body = encodeRoundResponse({ token, ciphertexts });
      answered = performance.now();
      return { body, evaluateMs: null };
    },
  },
  inputActivations([new Float64Array(length)], plan.inputs),
  new Uint8Array(8),
);

const medians = names.map((name) => median(pauses[name]));
const spread = Math.max(...medians) / Math.min(...medians) - 1;

/** Share of right guesses of one threshold, learnt on half of the pauses and tried on the other. */
function classify(left: number[], right: number[]): number {
  return (guess(left, right, 0) + guess(left, right, 1)) / 2;
}

/** Learns on the pauses of one parity, tries on those of the other. */
function guess(left: number[], right: number[], learnt: 0 | 1): number {
  const half = (values: number[], parity: number) =>
    values.filter((_, i) => i % 2 === parity);
  const shareRight = (threshold: number, parity: number) => {
    const below = half(left, parity).filter((ms) => ms < threshold).length;
    const above = half(right, parity).filter((ms) => ms >= threshold).length;
    return (below + above) /
      (half(left, parity).length + half(right, parity).length);
  };
  let best = { share: 0, threshold: 0, isReversed: false };
  for (const threshold of [...half(left, learnt), ...half(right, learnt)]) {
    const share = shareRight(threshold, learnt);
    for (
      const [found, isReversed] of [[share, false], [1 - share, true]] as const
    ) {
      if (found > best.share) best = { share: found, threshold, isReversed };
    }
  }
  const share = shareRight(best.threshold, 1 - learnt);
  return best.isReversed ? 1 - share : share;
}

const result = {
  primes: twoPrimes ? 2 : 3,
  rounds: roundsEach,
  mediansMs: Object.fromEntries(names.map((name, i) => [name, medians[i]])),
  spread,
  classifier: {
    "zero or one": classify(pauses.zero, pauses.one),
    "zero or largest": classify(pauses.zero, pauses.largest),
  },
};
console.log(
  json ? JSON.stringify(result) : result,
);
