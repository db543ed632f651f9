/**
 * Readings that follow each other, as a gateway takes them from a model with states.
 *
 * @module
 */
import { nextStates, quantise } from "../../sdk/fixed_point/quantise.ts";
import type { Reading } from "../../sdk/fixed_point/reading.ts";
import type { Manifest, ModelPackage } from "../package/format.ts";
import { type Outcome, simulate } from "./simulate.ts";

/** The inputs that readings hold: all but the states. */
export function inputsOfReadings<Input extends { name: string }>(
  { inputs, states }: { inputs: Input[]; states: Manifest["states"] },
): Input[] {
  return inputs.filter(({ name }) =>
    !states.some(({ input }) => input === name)
  );
}

/**
 * What encrypted inferences give, one after another, states fed back: the first
 * begins with 0.
 *
 * @throws as `quantise` does, of the first reading that is refused
 */
export function simulateSequence(
  model: ModelPackage,
  readings: readonly Reading[],
  { clamp }: { clamp?: boolean } = {},
): Outcome[] {
  const { manifest } = model;
  let states: Map<string, Float64Array> | undefined;
  return readings.map((reading) => {
    const outcome = simulate(
      model,
      quantise(reading, manifest, { clamp, states }),
    );
    states = nextStates(manifest, outcome.outputs);
    return outcome;
  });
}
