/**
 * Integer weights of a round: one scale a group of rows, by least squared error.
 *
 * @module
 */
import type { FloatRound } from "../ir.ts";
import {
  columnScales,
  columnsOfRow,
  type QuantisedActivation,
  varianceOfColumns,
} from "./activation.ts";
import { type Feedback, roundRow } from "./error_feedback.ts";
import { roundWeight } from "./rounding.ts";

/** Weights of one term in units of its input's integers, row after row. */
export interface ScaledTerm {
  rowLength: number;
  weights: Float64Array;
  /** What an integer of the input behind each weight stands for. */
  units: Float64Array;
  /** Variance of that integer. */
  variances: Float64Array;
  /**
   * One weight a row at most (residual connections): as wide as exactness wants,
   * since it costs one product.
   */
  isSkip: boolean;
}

/** Brings the weights of every term to the integer domain of its input. */
export function scaleTerms(
  round: FloatRound,
  activations: ReadonlyMap<string, QuantisedActivation>,
): ScaledTerm[] {
  return round.terms.map((term) => {
    const activation = activations.get(term.reads)!;
    const scales = columnScales(term, activation);
    const columnVariances = varianceOfColumns(term, activation);
    const rows = round.shape[0];
    const rowLength = term.map.weights.length / rows;
    const weights = new Float64Array(term.map.weights.length);
    const units = new Float64Array(weights.length);
    const variances = new Float64Array(weights.length);
    let isSkip = round.terms.length > 1;
    for (let row = 0, at = 0; row < rows; row++) {
      let nonzero = 0;
      for (const column of columnsOfRow(term, row)) {
        weights[at] = term.map.weights[at] * scales[column];
        units[at] = scales[column];
        variances[at] = columnVariances[column];
        if (weights[at++] !== 0) nonzero++;
      }
      if (nonzero > 1) isSkip = false;
    }
    return { rowLength, weights, units, variances, isSkip };
  });
}

/** Largest weight of a skip term. */
const skipLimit = 2 ** 16;

/** Largest magnitude of a signed weight of `bits` bits. */
export function weightLimit(bits: number): number {
  return 2 ** (bits - 1) - 1;
}

/**
 * Squared error that a scale makes in one group of rows, weighted by how much the
 * inputs vary (what they are on average the bias makes up for).
 */
export function scaleError(
  terms: ScaledTerm[],
  rows: [from: number, to: number],
  scale: number,
  bits: number,
): number {
  let error = 0;
  for (const { rowLength, weights, variances, isSkip } of terms) {
    const limit = isSkip ? skipLimit : weightLimit(bits);
    const end = rows[1] * rowLength;
    for (let at = rows[0] * rowLength; at < end; at++) {
      const difference = weights[at] -
        scale * roundWeight(weights[at], scale, limit);
      error += variances[at] * difference * difference;
    }
  }
  return error;
}

/** The scale of least error for a group of rows; null where all weights are zero. */
export function chooseScale(
  terms: ScaledTerm[],
  rows: [from: number, to: number],
  bits: number,
): number | null {
  const candidates = scaleCandidates(terms, rows, bits);
  let best = candidates[0] ?? null, min = Infinity;
  for (const scale of candidates) {
    const error = scaleError(terms, rows, scale, bits);
    if (error < min) [best, min] = [scale, error];
  }
  return best;
}

function scaleCandidates(
  terms: ScaledTerm[],
  rows: [number, number],
  bits: number,
): number[] {
  const skips = magnitudes(terms.filter(({ isSkip }) => isSkip), rows);
  let largest = 0;
  for (const weight of magnitudes(terms.filter((t) => !t.isSkip), rows)) {
    largest = Math.max(largest, weight);
  }
  if (largest === 0) {
    // Nothing but skips: the strongest gets full width.
    largest = Math.max(0, ...skips);
    if (largest === 0) return [];
  }
  // A skip's weight has bounds too, which narrow activations behind it may meet.
  const full = Math.max(
    largest / weightLimit(bits),
    8 * Math.max(0, ...skips) / skipLimit,
  );
  const grid = Array.from({ length: 90 }, (_, i) => full * (1.02 - .01 * i));
  // And scales that make a residual connection exact.
  if (skips.size !== 1) return grid;
  const [skip] = skips;
  return [
    ...grid,
    ...new Set(grid.map((scale) => nearestDivisor(skip, scale))),
  ];
}

/**
 * The scale nearest to `scale` of which the residual connection's weight in these rows
 * is a multiple; `scale` itself where there is no such connection, or several.
 */
export function exactScale(
  terms: ScaledTerm[],
  rows: [number, number],
  scale: number,
): number {
  const skips = magnitudes(terms.filter(({ isSkip }) => isSkip), rows);
  return skips.size === 1 ? nearestDivisor([...skips][0], scale) : scale;
}

/** Magnitudes of the weights in these rows that are not zero, each once. */
function magnitudes(
  terms: ScaledTerm[],
  [from, to]: [number, number],
): Set<number> {
  const found = new Set<number>();
  for (const { rowLength, weights } of terms) {
    for (const weight of weights.subarray(from * rowLength, to * rowLength)) {
      if (weight !== 0) found.add(Math.abs(weight));
    }
  }
  return found;
}

function nearestDivisor(skip: number, scale: number): number {
  return skip / Math.max(1, Math.round(skip / scale));
}

/**
 * Integers of every term, with one scale a row.
 *
 * @param feedback of each term, null to round every weight by itself
 */
export function roundTerms(
  terms: ScaledTerm[],
  rowScales: Float64Array,
  bits: number,
  feedback: (Feedback | null)[],
): Float64Array[] {
  return terms.map(({ rowLength, weights, units, isSkip }, t) => {
    const passed = isSkip ? null : feedback[t];
    const limit = isSkip ? skipLimit : weightLimit(bits);
    const integers = weights.map((weight, at) =>
      roundWeight(weight, rowScales[Math.floor(at / rowLength)], limit)
    );
    if (!passed) return integers;
    const rowsPerGroup = rowScales.length / passed.factors.length;
    rowScales.forEach((scale, row) => {
      const place = [row * rowLength, (row + 1) * rowLength] as const;
      const unit = units.subarray(...place);
      const real = weights.subarray(...place).map((w, i) => w / unit[i]);
      const steps = unit.map((u) => scale / u);
      const group = Math.floor(row / rowsPerGroup);
      integers.set(
        roundRow(real, { steps, limit, feedback: passed, group }),
        place[0],
      );
    });
    return integers;
  });
}
