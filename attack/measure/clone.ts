/**
 * Clones of the last layer, and how often they agree with it.
 *
 * @module
 */
import { type Layer, scoresOf } from "../client/layer.ts";
import { indexOfLargest } from "./scoring.ts";
import { type Uniform, uniformFrom } from "./uniform.ts";

const heldOutInputs = 1000;
const epochs = 30;

/**
 * Inputs as a layer behind a ReLU sees them: one in four of the elements in use is
 * not zero.
 *
 * @param columns elements in use, the first ones
 */
export function likelyInput(
  { inputs, high }: Layer,
  columns: number,
  random: Uniform,
): Float64Array {
  return Float64Array.from(
    { length: inputs },
    (_, i) =>
      i < columns && random() < 0.25 ? 1 + Math.floor(random() * high) : 0,
  );
}

/** What an attack read of a layer, as a clone of it. */
export interface Clone {
  /** Weights of the columns in use, a bias behind each. */
  rows: readonly Float64Array[];
  /** The label that each row stands for. */
  labels: readonly number[];
  /** Elements in use, the first ones. */
  columns: number;
  /** What the attack used up. */
  queries: number;
}

/** How often the clone, and one that saw labels alone, name the label that the layer does. */
export function judgeClone(
  layer: Layer,
  { rows, labels, columns, queries }: Clone,
): { agreement: number; labelOnlyAgreement: number } {
  return {
    agreement: agreement(
      layer,
      columns,
      (x) => labels[indexOfLargest(scoresOf(rows, x.subarray(0, columns)))],
    ),
    labelOnlyAgreement: labelOnlyAgreement(layer, columns, queries),
  };
}

/** Share of held-out inputs on which the clone names the label that the layer does. */
function agreement(
  layer: Layer,
  columns: number,
  clone: (x: Float64Array) => number,
): number {
  const random = uniformFrom("held out");
  let agree = 0;
  for (let i = 0; i < heldOutInputs; i++) {
    const x = likelyInput(layer, columns, random);
    if (clone(x) === indexOfLargest(scoresOf(layer.rows, x))) agree++;
  }
  return agree / heldOutInputs;
}

/**
 * The floor: what labels alone of as many queries give. Inputs as `likelyInput`
 * draws them, labels from the layer itself, an averaged multiclass perceptron.
 */
function labelOnlyAgreement(
  layer: Layer,
  columns: number,
  queries: number,
): number {
  const random = uniformFrom("label only");
  const samples = Array.from({ length: queries }, () => {
    const x = likelyInput(layer, columns, random);
    return { x, label: indexOfLargest(scoresOf(layer.rows, x)) };
  });
  const clone = layer.rows.map(() => new Float64Array(layer.inputs + 1));
  const average = clone.map((row) => row.slice());
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const { x, label } of samples) {
      const named = indexOfLargest(scoresOf(clone, x));
      if (named === label) continue;
      // The average counts an update for all the time that it will last.
      const weight = epochs - epoch;
      for (let i = 0; i < columns; i++) {
        clone[label][i] += x[i];
        clone[named][i] -= x[i];
        average[label][i] += weight * x[i];
        average[named][i] -= weight * x[i];
      }
      clone[label][layer.inputs] += layer.high;
      clone[named][layer.inputs] -= layer.high;
      average[label][layer.inputs] += weight * layer.high;
      average[named][layer.inputs] -= weight * layer.high;
    }
  }
  return agreement(
    layer,
    columns,
    (x) => indexOfLargest(scoresOf(average, x)),
  );
}
