/** What the corpus was made with, and targets that need secrets open it with. */
import type { Hono } from "hono";
import { createApp } from "../../functions/app.ts";
import { MemoryModelStore } from "../../functions/models/memory_models.ts";
import type { ModelPackage } from "../../models/package/format.ts";
import type { RandomSource } from "../../sdk/support/random.ts";
import { sealingKey } from "../support/gateway.ts";
import { labelled } from "../support/guarded.ts";
import { randomNumbers } from "../reference/graph_builder.ts";
import { tinyDense } from "../reference/tiny_models.ts";

/** Of the sealed keys of the corpus. */
export const passphrase = "correct horse battery staple";

/** When the sessions of the corpus began, and still is: they do not expire. */
export const nowMs: number = Date.UTC(2026, 0, 1);

/** The model that the corpus' sessions are with: two dense rounds and a label. */
export const fuzzedModel: ModelPackage = labelled(tinyDense(), "standard");

/** Two dense rounds whose values have names, units and scales; its scores are a state. */
export const namedModel: ModelPackage = named(tinyDense());

function named({ manifest, tensors }: ModelPackage): ModelPackage {
  const [input] = manifest.inputs, [output] = manifest.outputs;
  const labels = [..."abcdefghi"];
  const scale = labels.map((_, i) => 1 / (i + 2));
  return {
    manifest: {
      ...manifest,
      name: "named",
      inputs: [
        { ...input, labels, units: ["lx"], scale, offset: [...scale] },
        { ...input, name: "before", shape: [3] },
      ],
      outputs: [{ ...output, labels: ["low", "middle", "high"] }],
      states: [{ input: "before", output: output.name }],
    },
    tensors,
  };
}

/** The functions as the corpus met them. */
export function fuzzedApp(...models: ModelPackage[]): Hono {
  return createApp({
    models: new MemoryModelStore(fuzzedModel, ...models),
    sealingKey,
    insecureKeys: true,
    clock: () => nowMs,
    random: fixedRandom(3),
  });
}

/** The same bytes every time; not for secrets. */
export function fixedRandom(seed: number): RandomSource {
  const random = randomNumbers(seed);
  return (length) =>
    Uint8Array.from({ length }, () => Math.floor(256 * random()));
}
