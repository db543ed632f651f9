/**
 * Bounds of a round's accumulators over all inputs within their ranges.
 *
 * @module
 */
import type { RoundSpec, Term, WeightTensor } from "./format.ts";

/** A tensor of the package by name. @throws {Error} where it is missing */
export function tensorNamed(
  tensors: ReadonlyMap<string, WeightTensor>,
  name: string,
): WeightTensor {
  const tensor = tensors.get(name);
  if (!tensor) throw new Error(`Cannot find tensor "${name}" in the package`);
  return tensor;
}

/**
 * The smallest V such that every accumulator of the round lies in [-V, V],
 * whatever the inputs within their terms' [low, high]. Zero counts as a possible
 * input always: padding and slots outside of the tensor hold it.
 *
 * @param round one linear layer: y = sum of terms + bias
 * @param tensors the package's weights; shapes as `verifyPackage` checks them
 */
export function accumulatorBound(
  round: RoundSpec,
  tensors: ReadonlyMap<string, WeightTensor>,
): number {
  const { data } = tensorNamed(tensors, round.bias);
  const [rows] = round.outputShape, positions = data.length / rows;
  // A bias for each position: its least and most in the row bound all.
  const row = (o: number) => data.subarray(o * positions, (o + 1) * positions);
  const min = Float64Array.from(
    { length: rows },
    (_, o) => row(o).reduce((a, b) => Math.min(a, b)),
  );
  const max = Float64Array.from(
    { length: rows },
    (_, o) => row(o).reduce((a, b) => Math.max(a, b)),
  );
  for (const term of round.terms) addTermRange(term, tensors, min, max);
  let bound = 0;
  for (let o = 0; o < rows; o++) {
    bound = Math.max(bound, Math.abs(min[o]), Math.abs(max[o]));
  }
  return bound;
}

/** Adds the least and the most that `term` contributes to each output row. */
function addTermRange(
  term: Term,
  tensors: ReadonlyMap<string, WeightTensor>,
  min: Float64Array,
  max: Float64Array,
): void {
  const low = Math.min(term.low, 0), high = Math.max(term.high, 0);
  const weights = tensorNamed(tensors, term.weights).data;
  const rowLength = weights.length / min.length;
  for (let o = 0; o < min.length; o++) {
    let positive = 0, negative = 0;
    for (let i = o * rowLength; i < (o + 1) * rowLength; i++) {
      if (weights[i] > 0) positive += weights[i];
      else negative += weights[i];
    }
    max[o] += positive * high + negative * low;
    min[o] += positive * low + negative * high;
  }
}
