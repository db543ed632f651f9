/**
 * A round's weights as the attacked model has them, to score attacks by.
 *
 * @module
 */
import { rowsOf } from "../../models/protections/rows.ts";
import { elementCount } from "../../sdk/fixed_point/integer_tensor.ts";
import type { ModelPackage, RoundSpec } from "../../models/package/format.ts";
import { tensorNamed } from "../../models/package/bounds.ts";

/** The truth about a round: a bias behind the weights of each output. */
export interface Layer {
  rows: Float64Array[];
  /** Elements that it reads. */
  inputs: number;
  /** Greatest input. */
  high: number;
}

/** A dense round of the model, as `rows . (x, 1)`. */
export function denseLayer(model: ModelPackage, round: number): Layer {
  const spec = model.manifest.rounds[round];
  const rows = rowsOf(spec, model.tensors).map(({ weights, bias }) =>
    Float64Array.of(...weights, bias)
  );
  return { rows, inputs: rows[0].length - 1, high: spec.terms[0].high };
}

/** Filters of a convolution with one term, a bias behind each. */
export function filters(
  { terms: [term], bias }: RoundSpec,
  { tensors }: ModelPackage,
): Float64Array[] {
  const { shape, data } = tensorNamed(tensors, term.weights);
  const biases = tensorNamed(tensors, bias).data;
  const length = elementCount(shape.slice(1));
  return Array.from(
    { length: shape[0] },
    (_, o) =>
      Float64Array.of(
        ...data.subarray(o * length, (o + 1) * length),
        biases[o],
      ),
  );
}

/** Scores of the rows on x. */
export function scoresOf(
  rows: readonly Float64Array[],
  x: Float64Array,
): Float64Array {
  return Float64Array.from(rows, (row) => {
    let score = row[x.length];
    for (let i = 0; i < x.length; i++) score += row[i] * x[i];
    return score;
  });
}
