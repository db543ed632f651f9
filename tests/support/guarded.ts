/** Guarded models for tests. */
import { modelRandom } from "../../functions/rounds/privacy/model_secret.ts";
import type {
  ModelPackage,
  PrivacyProfile,
} from "../../models/package/format.ts";
import {
  type GuardedModel,
  guardModel,
} from "../../models/protections/guard_model.ts";
import {
  type Protections,
  protectionsOf,
} from "../../models/protections/profile.ts";
import { sealingKey } from "./gateway.ts";

/** The model, to be served under `privacy` with its label alone revealed. */
export function labelled(
  model: ModelPackage,
  privacy: PrivacyProfile,
): ModelPackage {
  return {
    ...model,
    manifest: { ...model.manifest, privacy, reveal: "label" },
  };
}

/** What functions with the tests' sealing key evaluate in its place. */
export function guardedAsServed(
  model: ModelPackage,
  overrides: Partial<Protections> = {},
): GuardedModel {
  return guardModel(
    model,
    { ...protectionsOf(model.manifest), ...overrides },
    modelRandom(sealingKey, model.manifest),
  );
}

/** Number of the first of the largest. */
export function largest(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) {
    if (values[i] > values[best]) best = i;
  }
  return best;
}
