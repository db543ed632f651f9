/**
 * How much of the truth an attack found.
 *
 * @module
 */
import { sum } from "../../sdk/support/numbers.ts";

export type Rows = readonly Float64Array[];

export interface Recovery {
  /** Share of weights within half a quantisation step, rows up to order and scale. */
  recovered: number;
  /** Mean cosine of the rows with what was found of them. */
  cosine: number;
  /** For each true row, the found one that is most like it. */
  matches: number[];
}

/**
 * Compares found rows with true ones. For each true row the most similar found
 * row counts, at the scale that fits best.
 *
 * @param options.step distance of neighbouring weights in the true rows
 * @param options.anySign a found row may be the opposite of the true one
 */
export function compareRows(
  found: Rows,
  truth: Rows,
  { step = 1, anySign = false }: { step?: number; anySign?: boolean } = {},
): Recovery {
  let within = 0, weights = 0, cosines = 0;
  const matches = truth.map((row) => {
    const similarities = found.map((candidate) => {
      const value = cosine(candidate, row);
      return anySign ? Math.abs(value) : value;
    });
    const best = indexOfLargest(similarities);
    const candidate = found[best];
    const norm = dot(candidate, candidate);
    const scale = norm === 0 ? 0 : dot(candidate, row) / norm;
    row.forEach((weight, i) => {
      if (Math.abs(weight - scale * candidate[i]) < step / 2) within++;
    });
    weights += row.length;
    cosines += similarities[best];
    return best;
  });
  return {
    recovered: within / weights,
    cosine: cosines / truth.length,
    matches,
  };
}

/** Share of weights that zeros alone would get right: what a recovery starts from. */
export function zeroShare(truth: Rows): number {
  const zeros = truth.map((row) => row.filter((weight) => weight === 0).length);
  return sum(zeros) / (truth.length * truth[0].length);
}

/** Every column minus its mean over the rows: what is left under a separate shift. */
export function centreColumns(rows: Rows): Float64Array[] {
  return rows.map((row) =>
    row.map((value, i) => value - sum(rows.map((r) => r[i])) / rows.length)
  );
}

/** Probability that a positive ranks above a negative. */
export function areaUnderCurve(
  positives: number[],
  negatives: number[],
): number {
  let above = 0;
  for (const p of positives) {
    for (const n of negatives) above += p > n ? 1 : p === n ? 0.5 : 0;
  }
  return above / (positives.length * negatives.length);
}

export function cosine(a: Float64Array, b: Float64Array): number {
  const norms = Math.sqrt(dot(a, a) * dot(b, b));
  return norms === 0 ? 0 : dot(a, b) / norms;
}

export function dot(a: Float64Array, b: Float64Array): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
}

export function indexOfLargest(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) {
    if (values[i] > values[best]) best = i;
  }
  return best;
}
