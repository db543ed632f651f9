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
import { realReading } from "../../sdk/fixed_point/quantise.ts";
import { platformRandom } from "../../sdk/support/random.ts";
import { type Attack, attackKey } from "../client/attack_context.ts";
import { denseLayer } from "../client/layer.ts";
import { type LabelsNeeded, labelsNeeded } from "../measure/labels_needed.ts";
import { type CheatFinding, hostileFunctions } from "./hostile_functions.ts";
import { innerLayer } from "./inner_layer.ts";
import { commonDifferences, type DifferenceFinding } from "./noise_places.ts";
import { openAttacks, type OpenFinding } from "./open_attacks.ts";
import { SealedClient } from "./sealed_client.ts";
import { type GameFinding, tokenGames } from "./token_games.ts";
import {
  type LabelFinding,
  scoreDifferences,
  shiftedInputs,
} from "./shifted_labels.ts";

export interface SealedReport {
  /** What labels told. */
  findings: LabelFinding[];
  /** What the attacks on open inferences came to. */
  open: OpenFinding[];
  games: GameFinding[];
  tables: DifferenceFinding;
  /** What functions that cheat learnt of readings. */
  cheats: CheatFinding[];
  /** Labels that could hold all weights, and those of the last layer. */
  needed: { all: LabelsNeeded; lastLayer: LabelsNeeded };
}

/**
 * Serves `model` sealed, without a limit of labels, and attacks it over HTTP.
 *
 * @param columns of a layer that are asked for
 * @param attacks on open inferences, which are tried too
 */
export async function attackSealed(
  original: ModelPackage,
  columns: number,
  attacks: ReadonlyMap<string, Attack>,
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
    const { url } = server, { name } = manifest, key = await attackKey();
    using client = new SealedClient(url, name, key);
    const reading = middleReading(model);
    await client.reachLast(reading);
    const games = await tokenGames(client);
    const spread = (round: number) => {
      const { inputs } = denseLayer(model, round);
      const asked = Math.min(columns, inputs);
      return Array.from(
        { length: asked },
        (_, i) => Math.floor(i * inputs / asked),
      );
    };
    const findings = [
      await scoreDifferences(
        client,
        Array.from(simulate(model, reading).integers),
      ),
      await shiftedInputs(client, model, spread(last)),
    ];
    const isDense = manifest.rounds.at(-2)?.terms[0].kind === "dense";
    const inner = isDense &&
      await innerLayer(client, model, spread(last - 1));
    if (inner) findings.push(inner);
    return {
      findings,
      open: await openAttacks(attacks, { url, model, key }),
      games,
      tables: await commonDifferences({ url, model: name, key, reading }),
      cheats: await hostileFunctions({
        fetch: app.fetch,
        model: name,
        key,
        reading: Array.from(realReading(reading, manifest.inputs)),
      }),
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
