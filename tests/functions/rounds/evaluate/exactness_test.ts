import assert from "node:assert/strict";
import { createApp } from "../../../../functions/app.ts";
import { MemoryModelStore } from "../../../../functions/models/memory_models.ts";
import { simulate } from "../../../../models/simulate/simulate.ts";
import type { ModelPackage } from "../../../../models/package/format.ts";
import { bigIntKernel } from "../../../../sdk/paillier/public/kernel_bigint.ts";
import { selectKernel } from "../../../../sdk/paillier/public/select_kernel.ts";
import {
  randomReading,
  tinyDense,
  tinyLeNet,
  tinyModel,
  tinyResidual,
  tinySignal,
} from "../../../reference/tiny_models.ts";
import { infer, sealingKey, startSession } from "../../../support/gateway.ts";

/** Wide weights, so that digits have several planes; one output: buckets. */
function wideWeights(): ModelPackage {
  return tinyModel(5, [12], [
    { kind: "dense", length: 9, weightLimit: 900 },
    { kind: "dense", length: 1, weightLimit: 100 },
  ]);
}

/** Ternary weights and many outputs: joint tables over several inputs. */
function ternaryWeights(): ModelPackage {
  return tinyModel(6, [40], [
    { kind: "dense", length: 64, weightLimit: 1 },
    { kind: "dense", length: 3, weightLimit: 0 },
  ]);
}

const models = {
  tinyLeNet,
  tinyResidual,
  tinySignal,
  tinyDense,
  wideWeights,
  ternaryWeights,
};
const kernels = [bigIntKernel, selectKernel()];

for (const [name, make] of Object.entries(models)) {
  for (const kernel of new Set(kernels)) {
    for (const [samples, shards] of [[1, 1], [3, 2]]) {
      Deno.test(`${name} equals the simulator in every round (${kernel.name}, ${samples} samples, ${shards} shards)`, async () => {
        const model = make();
        const app = createApp({
          models: new MemoryModelStore(model),
          sealingKey,
          kernel,
          insecureKeys: true,
        });
        const session = await startSession(app, model.manifest.name, samples);
        const readings = Array.from(
          { length: samples },
          (_, i) => randomReading(model, i),
        );
        const rounds = await infer([app], session, readings, shards);
        for (const [sample, reading] of readings.entries()) {
          const expected = simulate(model, reading);
          for (const [index, { accumulators }] of expected.rounds.entries()) {
            assert.deepEqual(
              rounds[index][sample],
              accumulators,
              `round ${index}, sample ${sample}`,
            );
          }
        }
      });
    }
  }
}
