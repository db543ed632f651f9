/**
 * An activation of your own. The model names it, the gateway has it: here SiLU in
 * place of ReLU, in a model that this program serves to itself.
 *
 *   deno run -A examples/03_own_activation.ts
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { connect, generatePrivateKey } from "@cipherlayer/sdk";
import { createApp } from "../functions/app.ts";
import { MemoryModelStore } from "../functions/models/memory_models.ts";
import { readPackage } from "../models/package/read_package.ts";

// The model's owner: where the first round had ReLU and rounding, "silu" stands.
const folder = new URL("../models/zoo/occupancy/package", import.meta.url);
const model = await readPackage(fileURLToPath(folder));
const [round] = model.manifest.rounds;
const rounding = round.steps.find((step) => step.op === "requantise")!;
round.steps = [{
  op: "custom",
  name: "silu",
  // The function sees accumulators in units of the next round's integers.
  inputScale: rounding.multiplier / 2 ** rounding.shift,
  outputScale: 1,
  low: rounding.low,
  high: rounding.high,
}];

const app = createApp({
  models: new MemoryModelStore(model),
  sealingKey: crypto.getRandomValues(new Uint8Array(32)),
});

// The gateway: functions by name. A model that names another is refused at once.
await using session = await connect({
  url: "http://in-process",
  fetch: async (target, init) => await app.request(`${target}`, init),
  model: "occupancy",
  keys: await generatePrivateKey(2048),
  activations: new Map([["silu", (x) => x / (1 + Math.exp(-x))]]),
});
// Temperature, humidity, light and CO2.
const night = await session.infer([19, 27, 0, 440]);
const noon = await session.infer([22, 29, 460, 950]);
console.log(`With SiLU: ${night.label} at night, ${noon.label} at noon.`);
