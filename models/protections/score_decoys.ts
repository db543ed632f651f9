/**
 * Decoys among the rows of the last round. A decoy never wins: whatever the
 * inputs, some real score is larger.
 *
 * @module
 */
import { randomBelow } from "../../sdk/paillier/public/random_integer.ts";
import type { RandomSource } from "../../sdk/support/random.ts";
import type { DenseTerm, RoundSpec } from "../package/format.ts";
import { combine, type Row } from "./rows.ts";

/** A row of the guarded last round. */
export interface ScoreRow extends Row {
  /** The label that choosing this row gives; a decoy has that of a real row it takes after. */
  label: number;
  real: boolean;
}

/** Convex combinations are in quarters, so real rows are multiplied by this. */
export const quarters = 4;

/**
 * As many decoys as real rows: combinations of two or three real rows in quarters
 * minus a positive margin. A convex combination is at most the largest of the
 * scores, so a decoy stays below it by the margin.
 *
 * @returns real rows first, all rows times 4
 */
export function withConvexDecoys(
  rows: readonly Row[],
  bound: number,
  random: RandomSource,
): ScoreRow[] {
  const draw = (below: number) => Number(randomBelow(BigInt(below), random));
  const real = rows.map((row, label) => ({
    ...combine([[quarters, row]]),
    label,
    real: true,
  }));
  const decoys = rows.map((_, label) => {
    const other = (label + 1 + draw(rows.length - 1)) % rows.length;
    const shares = [[label, 2], [other, 1], [draw(rows.length), 1]];
    const row = combine(
      shares.map(([parent, share]) => [share, rows[parent]]),
    );
    const largest = Math.max(1, Math.floor(quarters * bound / 64));
    const bias = row.bias - 1 - draw(largest);
    return { weights: row.weights, bias, label, real: false };
  });
  return [...real, ...decoys];
}

/**
 * As many decoys as real rows: weights of real rows in random places, and a bias
 * so low that the first real score is larger whatever the inputs.
 */
export function withRandomDecoys(
  rows: readonly Row[],
  round: RoundSpec,
  random: RandomSource,
): ScoreRow[] {
  const draw = (below: number) => Number(randomBelow(BigInt(below), random));
  const decoys = rows.map((_, label) => {
    const { weights } = rows[label];
    const shuffled = Int32Array.from(
      weights,
      () => weights[draw(weights.length)],
    );
    const lead = combine([[1, { weights: shuffled, bias: 0 }], [-1, rows[0]]]);
    const bias = -1 - maxOf(lead, round);
    return { weights: shuffled, bias, label, real: false };
  });
  return [
    ...rows.map((row, label) => ({ ...row, label, real: true })),
    ...decoys,
  ];
}

/** Largest value of a row over the inputs' ranges. */
function maxOf({ weights, bias }: Row, { terms }: RoundSpec): number {
  let max = bias, i = 0;
  for (const { low, high, length } of terms as DenseTerm[]) {
    for (const end = i + length; i < end; i++) {
      max += Math.max(weights[i] * Math.min(low, 0), weights[i] * high);
    }
  }
  return max;
}
