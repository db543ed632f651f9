/**
 * Outputs of a dense round as rows of weights and a bias.
 *
 * @module
 */
import { tensorNamed } from "../package/bounds.ts";
import { toInt32 } from "../package/int32.ts";
import type { RoundSpec, WeightTensor } from "../package/format.ts";

/** One output of a dense round: its weights, term after term, and its bias. */
export interface Row {
  weights: Int32Array;
  bias: number;
}

/** The rows of a dense round. */
export function rowsOf(
  { terms, bias, outputShape: [outputs] }: RoundSpec,
  tensors: ReadonlyMap<string, WeightTensor>,
): Row[] {
  const biases = tensorNamed(tensors, bias).data;
  const parts = terms.map(({ weights }) => tensorNamed(tensors, weights).data);
  return Array.from({ length: outputs }, (_, o) => ({
    weights: Int32Array.from(
      parts.flatMap((data) => {
        const length = data.length / outputs;
        return [...data.subarray(o * length, (o + 1) * length)];
      }),
    ),
    bias: biases[o],
  }));
}

/**
 * Sets the tensors of a dense round to these rows.
 *
 * @throws {RangeError} where a bias does not fit 32 bits
 */
export function setRows(
  { terms, bias }: RoundSpec,
  rows: readonly Row[],
  tensors: Map<string, WeightTensor>,
): void {
  let from = 0;
  for (const term of terms) {
    if (term.kind !== "dense") {
      throw new TypeError("Cannot set rows: not dense");
    }
    const { length } = term, first = from;
    const data = new Int32Array(rows.length * length);
    rows.forEach(({ weights }, o) =>
      data.set(weights.subarray(first, first + length), o * length)
    );
    tensors.set(term.weights, { shape: [rows.length, length], data });
    from += length;
  }
  tensors.set(bias, {
    shape: [rows.length],
    data: toInt32(rows.map((row) => row.bias), `the biases "${bias}"`),
  });
}

/**
 * Sum of multiples of rows.
 *
 * @throws {RangeError} where a weight does not fit 32 bits
 */
export function combine(parts: readonly [factor: number, row: Row][]): Row {
  const weights = new Float64Array(parts[0][1].weights.length);
  let bias = 0;
  for (const [factor, row] of parts) {
    for (let i = 0; i < weights.length; i++) {
      weights[i] += factor * row.weights[i];
    }
    bias += factor * row.bias;
  }
  return { weights: toInt32(weights, "the weights of combined rows"), bias };
}
