/**
 * Where the cloud's time goes: every round of a model in this process, without
 * HTTP, by part, in processor time (of all threads), so that other work on the
 * machine disturbs little.
 *
 * @module
 */
import process from "node:process";
import { Command } from "commander";
import { wholeNumber } from "../../cli/commands/command.ts";
import { readScriptArguments } from "../../cli/commands/program.ts";
import { answerRound } from "../../functions/rounds/answer_round.ts";
import type { Phase } from "../../functions/rounds/evaluate/evaluate.ts";
import { BankCache } from "../../functions/rounds/privacy/bank_cache.ts";
import { TokenSealer } from "../../functions/rounds/sealed_token.ts";
import { PreparedModels } from "../../functions/rounds/prepared_model.ts";
import { costOf } from "../../models/planner/products.ts";
import { readPackage } from "../../models/package/read_package.ts";
import { inputCiphertexts } from "../../sdk/fixed_point/layout.ts";
import { bytesFromBigInt } from "../../sdk/paillier/public/big_integer.ts";
import { randomBelow } from "../../sdk/paillier/public/random_integer.ts";
import { selectKernel } from "../../sdk/paillier/public/select_kernel.ts";
import { shardRange } from "../../sdk/wire/messages.ts";
import { lenetFolder } from "../shared/functions_process.ts";
import {
  benchKey,
  type BenchKeyBits,
  parseBenchKeyBits,
} from "../shared/keys.ts";
import { median } from "../shared/harness.ts";

const command = new Command("bench/single/cloud.ts")
  .description("Where the cloud's time goes, round by round.")
  .argument("[package]", "folder of a package (default: LeNet)")
  .option("--key-bits <n>", "bits of the key", parseBenchKeyBits, 2048)
  .option("--samples <n>", "samples of an inference", wholeNumber(1), 1)
  .option("--shards <n>", "parts of every round", wholeNumber(1), 1)
  .option("--turns <n>", "measured runs of a round", wholeNumber(1), 3);
const options = readScriptArguments(command);
const [folder = lenetFolder] = command.args;
const modulusBits: BenchKeyBits = options.keyBits;
const { samples, shards, turns } = options;

const phases: (Phase | "randomise")[] = [
  "import",
  "inversion",
  "tables",
  "products",
  "packing",
  "randomise",
];
const kernel = selectKernel();
const sealingKey = new Uint8Array(32).fill(7);
const banks = new BankCache(kernel, sealingKey, 0);
const sealer = new TokenSealer(sealingKey);
const { publicKey } = benchKey(modulusBits);
const { modulus } = publicKey;
const model = await readPackage(folder);
const prepared = await new PreparedModels(sealingKey).get(model, {
  modulusBits,
  samples,
});
const { manifest } = model;
console.log(
  `${manifest.name}, ${modulusBits}-bit key, ${samples} samples, 1/${shards} of each round, kernel ${kernel.name}; milliseconds of processor time`,
);
const bankStarted = cpuMs();
if (prepared.usesBank) await banks.bank(modulus, prepared.answers);
console.log(`bank of randomisers: ${ms(cpuMs() - bankStarted)}`);

console.log(`a product: ${(1000 * productMs()).toFixed(2)} microseconds`);

const totals: number[] = [];
for (const [index, { layout }] of prepared.plan.rounds.entries()) {
  const round = prepared.round(index);
  const compileStarted = cpuMs();
  const { strategy, packing, products } = round.method(shards);
  const compileMs = cpuMs() - compileStarted;
  const [from, to] = shardRange(round.answers, 0, shards);
  const inputs = inputCiphertexts(layout);
  const ciphertexts = new Uint8Array(inputs * modulusBits / 4);
  for (let i = 0; i < inputs; i++) {
    const value = bytesFromBigInt(randomBelow(modulus ** 2n), modulusBits / 4);
    ciphertexts.set(value, i * value.length);
  }
  const content = {
    model: manifest.name,
    version: manifest.version,
    planHash: prepared.planHash,
    samples,
    round: index,
    predictedMs: 0,
    shards: 1,
    modulus: publicKey.toBytes(),
    nonce: new Uint8Array(16),
    orders: [],
    account: new Uint8Array(32),
    expiresAt: 0,
  };
  const runs: Record<string, number>[] = [];
  for (let turn = 0; turn <= turns; turn++) {
    const times: Record<string, number> = {};
    const cpuStarted = cpuMs();
    let phase = "setup", since = performance.now();
    const enter = (next: string) => {
      const now = performance.now();
      times[phase] = (times[phase] ?? 0) + now - since;
      [phase, since] = [next, now];
    };
    await answerRound({ kernel, banks, sealer, sealingKey }, {
      prepared,
      content,
      token: new Uint8Array(100),
      ciphertexts,
      range: { from, to },
      shards,
      runStage: (name, work) => {
        if (name === "randomise") enter(name);
        return work();
      },
      onPhase: enter,
    });
    enter("done");
    // The clock distinguishes parts, and together take what the processor took.
    const clockMs = Object.values(times).reduce((sum, time) => sum + time);
    const scale = (cpuMs() - cpuStarted) / clockMs;
    for (const name in times) times[name] *= scale;
    if (turn > 0) runs.push(times);
  }
  const part = (name: string) => median(runs.map((run) => run[name] ?? 0));
  const total = median(
    runs.map((run) => Object.values(run).reduce((sum, time) => sum + time)),
  );
  totals.push(total);
  console.log(
    `\nround ${index} (${
      manifest.rounds[index].name
    }): ${inputs} ciphertexts up, ${to - from} of ${round.answers} down; ${
      ms(total)
    }\n  ${layout.kind} ${
      layout.kind === "dense"
        ? `fold ${layout.fold}`
        : `tile ${layout.tile} grid ${layout.grid}`
    }, slots of ${layout.slotBits} bits, ${layout.valuesPerCiphertext} values an answer\n  ${
      strategy.buckets ? "buckets" : `tables of ${strategy.groupSize} inputs`
    }, ${strategy.planes} planes of digits up to ${strategy.halfRange}, ${packing}; predicted ${
      Math.round(costOf(products))
    } products; compiled in ${ms(compileMs)}\n  ${
      ["setup", ...phases].map((name) => `${name} ${ms(part(name))}`).join(", ")
    }`,
  );
}
console.log(`\nall rounds: ${ms(totals.reduce((sum, time) => sum + time))}`);

/** Time of one product, two running side by side. */
function productMs(): number {
  const arithmetic = kernel.open([modulus, modulus], 8);
  for (let i = 0; i < 8; i++) {
    arithmetic.loadPair(i, 0, randomBelow(modulus), randomBelow(modulus));
  }
  const program = Uint32Array.from({ length: 3 * 4000 }, (_, i) => i % 7);
  const runs = Array.from({ length: 9 }, () => {
    const started = cpuMs();
    arithmetic.run(program);
    return (cpuMs() - started) / 4000;
  });
  return median(runs);
}

function ms(time: number): string {
  return time.toFixed(1);
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
