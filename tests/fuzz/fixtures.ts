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

/** Two dense rounds, with steps between them that keep, take and join activations. */
export const joinedModel: ModelPackage = joined(tinyDense());

function joined({ manifest, tensors }: ModelPackage): ModelPackage {
  const [first, ...others] = manifest.rounds;
  const length = first.outputShape[0];
  const last = first.steps.at(-1)!;
  const shapes = { shape: [1, length], withShape: [1, length] };
  return {
    manifest: {
      ...manifest,
      name: "joined",
      rounds: [{
        ...first,
        steps: [
          ...first.steps,
          { op: "keep", as: "kept" },
          { op: "combine", by: "product", with: "kept", ...shapes },
          { op: "reduce", by: "sum", shape: [1, length], axes: [1] },
          { op: "squareRoot", addend: 1 },
          {
            op: "combine",
            by: "quotient",
            with: "kept",
            shape: [1, 1],
            withShape: [1, length],
            multiplier: 16,
          },
          {
            op: "combine",
            by: "sum",
            with: "kept",
            factors: [1, -2],
            ...shapes,
          },
          { op: "keep", as: "sums" },
          { op: "take", from: "kept", start: 0, shape: [length, 1] },
          {
            op: "matmul",
            with: "sums",
            shape: [length, 1],
            withShape: [1, length],
          },
          { op: "reduce", by: "max", shape: [length, length], axes: [0] },
          last,
        ],
      }, ...others],
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
