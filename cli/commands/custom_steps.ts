/**
 * Functions that gateways must bring for a model.
 *
 * @module
 */
import type { Manifest } from "../../models/package/format.ts";

/** Names in the model's `custom` steps, each once. */
export function customSteps({ rounds }: Pick<Manifest, "rounds">): string[] {
  const names = rounds.flatMap(({ steps }) =>
    steps.flatMap((step) => step.op === "custom" ? [step.name] : [])
  );
  return [...new Set(names)].sort();
}
