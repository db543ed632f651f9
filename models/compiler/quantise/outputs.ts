/**
 * What the integers of a model's outputs stand for.
 *
 * @module
 */
import { elementCount } from "../../../sdk/fixed_point/integer_tensor.ts";
import type { OutputSpec } from "../../../sdk/wire/values.ts";
import type { FloatNetwork } from "../ir.ts";
import type { QuantisedActivation } from "./activation.ts";
import type { QuantisedRound } from "./round.ts";

/** The outputs as the rounds give them, not yet with names. */
export function outputSpecs(
  { outputs }: FloatNetwork,
  rounds: readonly QuantisedRound[],
): OutputSpec[] {
  return outputs.map(({ name, tensor, shape, unit, zero, tail }) => {
    const { scales } = activationNamed(rounds, tensor);
    const scale = asBlocks(scales, shape)
      .map((scale) => scale / unit);
    return {
      name,
      shape,
      labels: null,
      units: null,
      scale,
      offset: scale.map(() => zero),
      tensor,
      start: 0,
      tail,
    };
  });
}

/** What a round writes or keeps under a name. */
export function activationNamed(
  rounds: readonly QuantisedRound[],
  name: string,
): QuantisedActivation {
  for (const { spec, activation, kept } of rounds) {
    const found = spec.writes === name ? activation : kept.get(name);
    if (found) return found;
  }
  throw new Error(`Cannot find activation "${name}": no round makes it`);
}

/** One for all, else one a channel where that says it, else one an element. */
function asBlocks(scales: Float64Array, shape: number[]): number[] {
  if (scales.every((scale) => scale === scales[0])) return [scales[0]];
  const channels = shape[0];
  const count = channels % scales.length === 0 ? channels : elementCount(shape);
  return Array.from(
    { length: count },
    (_, i) => scales[Math.floor(i * scales.length / count)],
  );
}
