/**
 * Rounding weights one after another, each making up for the errors before it.
 *
 * With inputs of covariance H the squared error of a row is e H e' (e the weights'
 * errors; a shift of the mean is the bias's business). For H = (U + I) D (U + I)',
 * U strictly upper triangular and D diagonal, that is the sum over k of
 * D_k (e_k + sum over j < k of e_j U_jk)^2: so weight k is rounded after adding
 * what the errors before it leave behind (the LDLQ rule; Chee et al. 2023, the
 * same as GPTQ, Frantar et al. 2022).
 *
 * @module
 */
import { gatherPatches } from "../convolve.ts";
import type { FloatTerm } from "../ir.ts";
import { batchMap } from "../../simulate/batch_map.ts";
import { roundWeight } from "./rounding.ts";

/** The factors U of a term's inputs, one for each group of a convolution. */
export interface Feedback {
  /** Weights a row. */
  size: number;
  /** For each group, row k holds U_jk for j < k. */
  factors: Float64Array[];
}

/** Largest row that a factor is made for. */
const maxWeights = 1536;

/** Added to the covariance, as a share of its mean diagonal. */
const damping = .01;

/**
 * The feedback of a term from its inputs in floating point; null where its rows are
 * too long or there are no inputs.
 */
export function feedbackOf(
  { map }: FloatTerm,
  samples: ArrayLike<number>[],
): Feedback | null {
  const groups = map.kind === "convolution" ? map.groups : 1;
  const size = map.kind === "convolution"
    ? map.input[0] / groups * map.kernel[0] * map.kernel[1]
    : map.columns;
  if (size > maxWeights || samples.length === 0) return null;
  const factors = Array.from(
    { length: groups },
    (_, group) => factorise(covariance(map, group, size, samples), size),
  );
  return { size, factors };
}

/** Covariance of a row's inputs (its lower triangle alone is valid), over enough of the samples. */
function covariance(
  map: FloatTerm["map"],
  group: number,
  size: number,
  samples: ArrayLike<number>[],
): Float64Array {
  const products = new Float64Array(size * size), sums = new Float64Array(size);
  const positions = map.kind === "convolution"
    ? map.output[1] * map.output[2]
    : 1;
  const wanted = Math.ceil((4 * size + 1024) / positions);
  const step = Math.max(1, Math.floor(samples.length / wanted));
  const patches = new Float64Array(size * positions);
  let count = 0;
  for (let s = 0; s < samples.length; s += step) {
    if (map.kind === "convolution") {
      const channels = map.input[0] / map.groups;
      gatherPatches(
        map,
        samples[s],
        { first: group * channels, count: channels },
        patches,
      );
    } else patches.set(samples[s]);
    addProducts(patches, { size, positions }, { products, sums });
    count += positions;
  }
  // Few vectors say little about many pairs: what they say is shrunk.
  const trust = count / (count + size / 2);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      const at = i * size + j;
      const value = products[at] / count - sums[i] / count * (sums[j] / count);
      products[at] = i === j ? value : trust * value;
    }
  }
  return products;
}

/** Adds patches times their transpose, and their sums. */
function addProducts(
  patches: Float64Array,
  { size, positions }: { size: number; positions: number },
  { products, sums }: { products: Float64Array; sums: Float64Array },
): void {
  const rowsOf = (matrix: Float64Array, length: number) =>
    Array.from(
      { length: size },
      (_, i) => matrix.subarray(i * length, (i + 1) * length),
    );
  const rows = rowsOf(patches, positions);
  const map = { rows: size, columns: positions, weights: patches };
  batchMap({ kind: "matrix", ...map }, "f64")(rows, rowsOf(products, size));
  rows.forEach((row, i) => {
    for (let p = 0; p < positions; p++) sums[i] += row[p];
  });
}

/** U of the damped matrix, in place: row k holds U_jk for j < k. */
function factorise(matrix: Float64Array, size: number): Float64Array {
  let trace = 0;
  for (let k = 0; k < size; k++) trace += matrix[k * size + k];
  const damp = damping * trace / size || 1;
  for (let k = 0; k < size; k++) matrix[k * size + k] += damp;
  for (let k = size - 1; k >= 0; k--) {
    const row = matrix.subarray(k * size, k * size + k);
    const pivot = matrix[k * size + k];
    for (let j = 0; j < k; j++) {
      const share = row[j] / pivot;
      if (share === 0) continue;
      const at = j * size;
      for (let i = 0; i <= j; i++) matrix[at + i] -= share * row[i];
    }
    for (let j = 0; j < k; j++) row[j] /= pivot;
  }
  return matrix;
}

/**
 * Integers for one row of weights.
 *
 * @param weights in real units
 * @param options.steps real value of one unit of each weight
 * @param options.limit largest magnitude
 * @param options.group of the convolution that the row belongs to
 */
export function roundRow(
  weights: Float64Array,
  { steps, limit, feedback: { size, factors }, group }: {
    steps: Float64Array;
    limit: number;
    feedback: Feedback;
    group: number;
  },
): Float64Array {
  const factor = factors[group];
  const errors = new Float64Array(size), integers = new Float64Array(size);
  for (let k = 0; k < size; k++) {
    const at = k * size;
    let carried = 0;
    for (let j = 0; j < k; j++) carried += errors[j] * factor[at + j];
    integers[k] = roundWeight(weights[k] + carried, steps[k], limit);
    errors[k] = weights[k] - integers[k] * steps[k];
  }
  return integers;
}
