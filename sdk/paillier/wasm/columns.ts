/**
 * Start values of the kernel's column sums, and the constants that cancel them.
 *
 * @module
 */
import type { Blocks } from "./memory_layout.ts";
import type { DigitFormat } from "./limbs.ts";

const bits = (value: number) =>
  new BigInt64Array(new Float64Array([value]).buffer)[0];

/** Where the chains' accumulators start (see `sweeps.ts`). */
export const highStart = 1.5 * 2 ** 102;
export const lowStart = 1.5 * 2 ** 52;
/** Beside it numbers round to multiples of 2^b; for long digits `highStart` does that. */
export const roundStart = ({ bits }: DigitFormat) => 1.5 * 2 ** (52 + bits);

/** Which sweeps a block adds to a window of columns. */
export interface ColumnPlan {
  /** Sweeps over all limbs, reduction included. */
  fullSweeps: number;
  /** Whether a sweep from the diagonal on is added. */
  diagonalSweep: boolean;
  /** Whether the other window's quotients are subtracted. */
  minusQuotients: boolean;
}

/**
 * Initial values of the 2n columns. They cancel every bias that the sweeps and
 * quotients will add to a column, and add 2^62, so that columns stay positive and a
 * logical shift carries. The upper n also hold half a limb, so that their digits come
 * out balanced.
 */
export function initialColumns(
  n: number,
  blocks: readonly Blocks[],
  format: DigitFormat,
  plan: ColumnPlan,
): BigInt64Array {
  const columns = new BigInt64Array(2 * n);
  const { fused, bits: limbBits } = format;
  const highBias = fused ? bits(highStart) : 0n, lowBias = bits(lowStart);
  const chains = (from: number, to: number) => {
    for (let k = from; k <= to; k++) {
      columns[k] -= lowBias;
      columns[k + 1] -= highBias;
    }
  };
  for (const { rows, first, times } of blocks) {
    for (let time = 0; time < times; time++) {
      const block = first + time * rows, last = block + n + rows - 2;
      for (let i = 0; i < plan.fullSweeps; i++) chains(block, last);
      if (plan.diagonalSweep) {
        chains(2 * block, last);
        columns[2 * block] -= highBias; // what is carried into the first column
      }
      // The first long quotient of a block adds no low part.
      if (fused) columns[block] += lowBias;
    }
  }
  for (let k = 0; k < 2 * n; k++) {
    columns[k] += 1n << 62n;
    if (k > 0) columns[k] -= 1n << BigInt(62 - limbBits); // the 2^62 below, carried
    if (k >= n) columns[k] += 1n << BigInt(limbBits - 1);
    // The 2^52 beside a long quotient's digit, carried.
    if (fused && k > 0 && k <= n) columns[k] -= 4n;
    if (k < n && plan.minusQuotients) columns[k] -= lowBias;
  }
  return columns;
}
