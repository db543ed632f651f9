/**
 * Whether the pauses between rounds tell plaintexts: a cloud that answers with
 * encryptions of zeros, of ones and of the largest plaintext in turn measures the
 * time from its answer to the next request.
 *
 * @module
 */
import { Command } from "commander";
import { wholeNumber } from "../../cli/commands/command.ts";
import { readScriptArguments } from "../../cli/commands/program.ts";
import { answerCiphertexts } from "../../sdk/fixed_point/layout.ts";
import { PaillierEngine } from "../../sdk/paillier/private/paillier_engine.ts";
import { runInference } from "../../sdk/session/inference.ts";
import { platformClock } from "../../sdk/support/clock.ts";
import { encodeRoundResponse } from "../../sdk/wire/codec.ts";
import type { InferencePlan } from "../../sdk/wire/plan.ts";
import { median } from "../shared/harness.ts";
import { benchKey } from "../shared/keys.ts";

const { rounds: roundsEach, json } = readScriptArguments(
  new Command("bench/single/pauses.ts")
    .description("Whether the pauses between rounds tell plaintexts.")
    .option("--rounds <n>", "of each kind of plaintext", wholeNumber(1), 200)
    .option("--json", "print one JSON object", false),
);
const length = 40;

using owner = new PaillierEngine(benchKey(2048), { threads: 0 });
const { modulus } = owner.publicKey;
const kinds = { zero: 0n, one: 1n, largest: modulus - 1n };
type Kind = keyof typeof kinds;
const names = Object.keys(kinds) as Kind[];

const roundCount = roundsEach * names.length + 1;
const plan: InferencePlan = {
  samples: 1,
  input: { shape: [length], scale: 1, offset: 0, low: 0, high: 1 },
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
  output: {
    shape: [length],
    scale: 1,
    labels: null,
    tail: "none",
    reveal: "scores",
  },
};

/** Encryptions made ahead, so that no answer takes the cloud longer than another. */
const answers = new Map<Kind, Uint8Array>();
for (const name of names) {
  answers.set(name, await owner.encryptBatch(Array(length).fill(kinds[name])));
}
const pauses: Record<Kind, number[]> = { zero: [], one: [], largest: [] };
let answered = 0, before: Kind | undefined, index = 0;
await runInference(
  {
    plan,
    owner,
    clock: platformClock,
    onState: () => {},
    onRound: () => {},
    post: () => {
      if (before) pauses[before].push(performance.now() - answered);
      before = names[index % names.length];
      const ciphertexts = answers.get(before)!;
      if (
        ciphertexts.length !== answerCiphertexts(plan.rounds[0].layout) * 512
      ) {
        throw new Error("wrong number of ciphertexts");
      }
      index++;
      const token = new Uint8Array(index === roundCount ? 0 : 8);
      const body = encodeRoundResponse({ token, ciphertexts });
      answered = performance.now();
      return Promise.resolve({ body, evaluateMs: null });
    },
  },
  { shape: [length], samples: [new Float64Array(length)] },
  new Uint8Array(8),
);

const medians = names.map((name) => median(pauses[name]));
const spread = Math.max(...medians) / Math.min(...medians) - 1;

/** Best share of right guesses of one threshold, learnt on even pauses, tried on odd ones. */
function classify(left: number[], right: number[]): number {
  const half = (values: number[], parity: number) =>
    values.filter((_, i) => i % 2 === parity);
  const shareRight = (threshold: number, parity: number) => {
    const below = half(left, parity).filter((ms) => ms < threshold).length;
    const above = half(right, parity).filter((ms) => ms >= threshold).length;
    return (below + above) /
      (half(left, parity).length + half(right, parity).length);
  };
  let best = { share: 0, threshold: 0, isReversed: false };
  for (const threshold of [...half(left, 0), ...half(right, 0)]) {
    const share = shareRight(threshold, 0);
    for (
      const [found, isReversed] of [[share, false], [1 - share, true]] as const
    ) {
      if (found > best.share) best = { share: found, threshold, isReversed };
    }
  }
  const share = shareRight(best.threshold, 1);
  return best.isReversed ? 1 - share : share;
}

const result = {
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
