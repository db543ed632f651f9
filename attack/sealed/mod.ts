/**
 * The meter's part for sealed models: what labels tell, and how many could tell all.
 *
 * @module
 */
import { createApp } from "../../functions/app.ts";
import { MemoryBudgetStore } from "../../functions/admission/budget.ts";
import { serveLocally } from "../../functions/hosts/serve_locally.ts";
import { MemoryModelStore } from "../../functions/models/memory_models.ts";
import type { ModelPackage } from "../../models/package/format.ts";
import { simulate } from "../../models/simulate/simulate.ts";
import { platformRandom } from "../../sdk/support/random.ts";
import { attackKey } from "../client/attack_context.ts";
import { denseLayer } from "../client/layer.ts";
import { type LabelsNeeded, labelsNeeded } from "../measure/labels_needed.ts";
import { SealedClient } from "./sealed_client.ts";
import {
  type LabelFinding,
  scoreDifferences,
  shiftedInputs,
} from "./shifted_labels.ts";

export interface SealedReport {
  findings: LabelFinding[];
  /** Labels that could hold all weights, and those of the last layer. */
  needed: { all: LabelsNeeded; lastLayer: LabelsNeeded };
}

/**
 * Serves `model` sealed, without a limit of labels, and attacks it over HTTP.
 *
 * @param columns of the last layer that are asked for
 */
export async function attackSealed(
  original: ModelPackage,
  columns: number,
): Promise<SealedReport> {
  const { manifest } = original, last = manifest.rounds.length - 1;
  const model: ModelPackage = {
    ...original,
    manifest: { ...manifest, privacy: "sealed", reveal: "label" },
  };
  const app = createApp({
    models: new MemoryModelStore(model),
    sealingKey: platformRandom(32),
    insecureKeys: true,
    budget: {
      store: new MemoryBudgetStore(),
      limits: { perModelDay: Infinity },
    },
  });
  const server = serveLocally(app.fetch);
  try {
    using client = new SealedClient(
      server.url,
      manifest.name,
      await attackKey(),
    );
    const reading = middleReading(model);
    await client.reachLast(reading);
    const { inputs } = denseLayer(model, last);
    const asked = Math.min(columns, inputs);
    const elements = Array.from(
      { length: asked },
      (_, i) => Math.floor(i * inputs / asked),
    );
    return {
      findings: [
        await scoreDifferences(
          client,
          Array.from(simulate(model, reading).integers),
        ),
        await shiftedInputs(client, model, elements),
      ],
      needed: {
        all: labelsNeeded(model),
        lastLayer: labelsNeeded(model, [last]),
      },
    };
  } finally {
    await server.shutdown();
  }
}

/** Each value in the middle of the input's range: any reading serves. */
function middleReading({ manifest: { inputs: [input] } }: ModelPackage) {
  const length = input.shape.reduce((count, extent) => count * extent, 1);
  const middle = Math.round((input.low + input.high) / 2);
  return new Float64Array(length).fill(middle);
}
