/**
 * What each protection of the model costs: one LeNet inference, gateway and
 * functions in one process, a protection added at a time.
 *
 * @module
 */
import process from "node:process";
import { Command } from "commander";
import { wholeNumber } from "../../cli/commands/command.ts";
import { readScriptArguments } from "../../cli/commands/program.ts";
import { createApp } from "../../functions/app.ts";
import { MemoryModelStore } from "../../functions/models/memory_models.ts";
import { readPackage } from "../../models/package/read_package.ts";
import type { PrivacyProfile } from "../../models/package/format.ts";
import {
  type Protections,
  protectionsOf,
} from "../../models/protections/profile.ts";
import { PaillierEngine } from "../../sdk/paillier/private/paillier_engine.ts";
import { connect } from "../../sdk/session/session.ts";
import type { Reveal } from "../../sdk/wire/values.ts";
import { lenetFolder } from "../shared/functions_process.ts";
import {
  benchKey,
  type BenchKeyBits,
  parseBenchKeyBits,
} from "../shared/keys.ts";

const values = readScriptArguments(
  new Command("bench/single/privacy_cost.ts")
    .description("What each protection of the model costs an inference.")
    .option("--bits <n>", "bits of the key", parseBenchKeyBits, 2048)
    .option(
      "--runs <n>",
      "reports the minimum of this many",
      wholeNumber(1),
      3,
    ),
);
const bits: BenchKeyBits = values.bits;
const runs: number = values.runs;
const model = await readPackage(lenetFolder);
const reading = new Float64Array(28 * 28).fill(0.3);
const standard = protectionsOf({ privacy: "standard", reveal: "label" });
const off: Protections = {
  ...protectionsOf({ privacy: "paper", reveal: "label" }),
  scoreDecoys: "none",
};

type Variant = [
  name: string,
  privacy: PrivacyProfile,
  reveal: Reveal,
  protections?: Partial<Protections>,
];
const variants: Variant[] = [
  ["none (scores revealed)", "paper", "scores"],
  ["label round alone", "paper", "label", off],
  ["+ channel order", "paper", "label", { ...off, channelOrder: true }],
  ["+ disturbance", "paper", "label", { ...off, disturbance: 0.5 }],
  ["+ hidden decoys, 1/32", "paper", "label", {
    ...off,
    hiddenDecoys: standard.hiddenDecoys,
  }],
  ["+ convex decoys", "paper", "label", { ...off, scoreDecoys: "convex" }],
  ["+ blinded scores", "paper", "label", { ...off, scores: "blinded" }],
  ["+ selector check", "paper", "label", { ...off, selectorCheck: true }],
  ["+ single use", "paper", "label", { ...off, singleUse: true }],
  ["+ compared scores", "paper", "label", {
    ...off,
    channelOrder: true,
    scores: "compared",
  }],
  ["profile paper", "paper", "label"],
  ["profile standard", "standard", "label"],
  ["profile strict", "strict", "label"],
];

using owner = new PaillierEngine(benchKey(bits), { threads: 0 });
console.log(
  `LeNet, ${bits}-bit key, gateway and functions on one thread; least of ${runs} runs`,
);
console.log("| | processor, ms | up, KB | down, KB | calls |");
console.log("| --- | ---: | ---: | ---: | ---: |");
for (const [name, privacy, reveal, protections] of variants) {
  const manifest = { ...model.manifest, privacy, reveal };
  const served = { ...model, manifest };
  const app = createApp({
    models: new MemoryModelStore(served),
    sealingKey: new Uint8Array(32).fill(1),
    insecureKeys: true,
    protections,
  });
  await using session = await connect({
    url: "http://functions.local",
    model: manifest.name,
    keys: owner,
    fetch: (input, init) => Promise.resolve(app.request(`${input}`, init)),
  });
  const times: number[] = [];
  let bytesUp = 0, bytesDown = 0;
  // The first run compiles the rounds.
  for (let run = 0; run <= runs; run++) {
    await session.whenPrepared();
    const before = cpuMs();
    const answer = await session.infer(reading);
    if (run > 0) times.push(cpuMs() - before);
    ({ bytesUp, bytesDown } = answer);
  }
  const min = Math.min(...times).toFixed(0);
  const kilobytes = (bytes: number) => (bytes / 1000).toFixed(0);
  console.log(
    `| ${name} | ${min} | ${kilobytes(bytesUp)} | ${
      kilobytes(bytesDown)
    } | ${session.plan.rounds.length} |`,
  );
}

/** Processor time of this process: other processes do not count. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
