/**
 * The attacks on open inferences, tried on a sealed model: their first call is refused,
 * since a sealed session has no open rounds.
 *
 * @module
 */
import type { ModelPackage } from "../../models/package/format.ts";
import { guardModel } from "../../models/protections/guard_model.ts";
import { protectionsOf } from "../../models/protections/profile.ts";
import { modelRandom } from "../../functions/rounds/privacy/model_secret.ts";
import type { PrivateKey } from "../../sdk/paillier/private/private_key.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import type { Attack } from "../client/attack_context.ts";
import { HostileClient } from "../client/hostile_client.ts";
import type { Target } from "../client/target.ts";

/** What an attack on open inferences came to. */
export interface OpenFinding {
  attack: string;
  /** What the functions said, or what the attack did without them. */
  outcome: string;
  /** Bits of answers that are no mask. */
  bitsReceived: number;
}

/** Tries all of them. */
export async function openAttacks(
  attacks: ReadonlyMap<string, Attack>,
  { url, model, key }: { url: string; model: ModelPackage; key: PrivateKey },
): Promise<OpenFinding[]> {
  const { manifest } = model;
  const guarded = guardModel(
    model,
    protectionsOf({ ...manifest, privacy: "paper" }),
    modelRandom(new Uint8Array(32), manifest),
  );
  const target: Target = {
    url,
    profile: "paper",
    name: manifest.name,
    scoreRound: manifest.rounds.length - 1,
    truth: {
      model,
      guarded,
      orderOf: (_plan, round) => {
        const [length] = manifest.rounds[round].outputShape;
        return Promise.resolve(Uint32Array.from({ length }, (_, i) => i));
      },
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const findings: OpenFinding[] = [];
  for (const [name, attack] of attacks) {
    using client = new HostileClient(url, manifest.name, key);
    const outcome = await attack({ target, client, queries: 10 }).then(
      ({ outcome }) => outcome,
      (error) => {
        if (!(error instanceof CipherlayerError)) throw error;
        return `refused: ${error.code}`;
      },
    );
    const { bitsReceived } = client.spent;
    findings.push({ attack: name, outcome, bitsReceived });
  }
  return findings;
}
