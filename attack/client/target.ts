/**
 * The functions under attack: real ones, on a port of this machine.
 *
 * @module
 */
import { createApp } from "../../functions/app.ts";
import { MemoryModelStore } from "../../functions/models/memory_models.ts";
import { modelRandom } from "../../functions/rounds/privacy/model_secret.ts";
import { expandOrder } from "../../functions/rounds/arithmetic/order.ts";
import { drawOrder, orderUnits } from "../../functions/rounds/privacy/order.ts";
import { TokenSealer } from "../../functions/rounds/sealed_token.ts";
import { openLoopbackServer } from "../../functions/hosts/loopback_server.ts";
import { platformRandom } from "../../sdk/support/random.ts";
import type { InferencePlan } from "../../sdk/wire/plan.ts";
import type {
  ModelPackage,
  PrivacyProfile,
} from "../../models/package/format.ts";
import {
  type GuardedModel,
  guardModel,
} from "../../models/protections/guard_model.ts";
import { protectionsOf } from "../../models/protections/profile.ts";

/** `none`: scores as they are, channels in the model's own order. */
export type AttackedProfile = "none" | PrivacyProfile;

export const attackedProfiles: AttackedProfile[] = [
  "none",
  "paper",
  "standard",
  "strict",
];

/** What the meter knows and an attacker does not: only to score what it found. */
export interface TrueWeights {
  model: ModelPackage;
  guarded: GuardedModel;
  /**
   * For each place of what `round` sent, the output's number in the guarded model, by
   * a later token.
   */
  orderOf(
    plan: InferencePlan,
    round: number,
    token: Uint8Array,
  ): Promise<Uint32Array>;
}

export interface Target extends AsyncDisposable {
  url: string;
  profile: AttackedProfile;
  /** Name of the model. */
  name: string;
  /** Round of the scores; those behind it give the label. */
  scoreRound: number;
  truth: TrueWeights;
}

/** Serves `model` under `profile`, whatever its manifest asks for. */
export async function startTarget(
  original: ModelPackage,
  profile: AttackedProfile,
): Promise<Target> {
  const chosen = profile === "none"
    ? { privacy: "paper" as const, reveal: "scores" as const }
    : { privacy: profile, reveal: "label" as const };
  const model = {
    ...original,
    manifest: { ...original.manifest, ...chosen },
  };
  const { manifest } = model;
  const sealingKey = platformRandom(32);
  const app = createApp({
    models: new MemoryModelStore(model),
    sealingKey,
    insecureKeys: true,
  });
  const server = await openLoopbackServer(app.fetch);
  const sealer = new TokenSealer(sealingKey);
  const guarded = guardModel(
    model,
    protectionsOf(manifest),
    modelRandom(sealingKey, manifest),
  );
  return {
    url: server.url,
    profile,
    name: manifest.name,
    scoreRound: manifest.rounds.length - 1,
    truth: {
      model,
      guarded,
      orderOf: async (plan, round, token) => {
        const { layout } = plan.rounds[round];
        const length = layout.kind === "dense"
          ? layout.outputLength
          : layout.output[0];
        const seed = token.length > 0 &&
          sealer.open(token, 0).orders.find((order) => order.round === round)
            ?.seed;
        const order = seed
          ? await drawOrder(seed, orderUnits(plan, round))
          : Uint32Array.from({ length }, (_, i) => i);
        return expandOrder(order, length);
      },
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
