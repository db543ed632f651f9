/**
 * How much noise a hidden round bears without changing a prediction.
 *
 * @module
 */
import { namesPlaces } from "../../sdk/activations/operands.ts";
import { elementCount } from "../../sdk/fixed_point/integer_tensor.ts";
import type { GatewayStep } from "../../sdk/wire/plan.ts";
import type { RoundSpec } from "../package/format.ts";

/**
 * Largest noise on each accumulator of a hidden round such that the noise of all
 * accumulators behind one activation moves it by at most `share` of its rounding
 * step. 0 where the steps round nothing.
 */
export function disturbanceAmplitude(
  { steps }: RoundSpec,
  share: number,
): number {
  let gain = 1;
  for (const step of steps) {
    const rounding = roundingStep(step);
    // What is kept or joined before it is rounded would bear no noise.
    if (namesPlaces(step) && step.op !== "transpose") return 0;
    if (rounding !== null) return Math.floor(share * rounding / gain);
    gain *= gainOf(step);
  }
  return 0;
}

/** Distance of inputs whose outputs differ by one. */
function roundingStep(step: GatewayStep): number | null {
  switch (step.op) {
    case "requantise":
    case "lookup":
      return 2 ** step.shift / Math.abs(step.multiplier);
    case "custom":
      return step.outputScale / step.inputScale;
    default:
      return null;
  }
}

/** Most that a change of one in all inputs of the step changes an output. */
function gainOf(step: GatewayStep): number {
  switch (step.op) {
    case "sumPool":
      return elementCount(step.kernel);
    case "meanPool":
      return step.multiple;
    case "leakyRelu":
      return Math.max(step.positive, ...step.negative.map(Math.abs));
    default:
      return 1;
  }
}
