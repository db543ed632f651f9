import { limbBits } from "./limbs.ts";

const bits = (value: number) =>
  new BigInt64Array(new Float64Array([value]).buffer)[0];

/** Where the chains' accumulators start (see `sweeps.ts`). */
export const highStart = 1.5 * 2 ** 102;
export const lowStart = 1.5 * 2 ** 52;

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
 * Initial values of the 2n columns: they cancel every bias that the sweeps will add
 * to a column, up to 2^62, which keeps columns positive so that a logical shift
 * carries, and half a limb, so that a shift rounds to nearest.
 */
export function initialColumns(
  n: number,
  rows: number,
  plan: ColumnPlan,
): BigInt64Array {
  const columns = new BigInt64Array(2 * n + 2 * rows);
  const highBias = bits(highStart), lowBias = bits(lowStart);
  const chains = (from: number, to: number) => {
    for (let k = from; k <= to; k++) {
      columns[k] -= lowBias;
      columns[k + 1] -= highBias;
    }
  };
  for (let block = 0; block < n; block += rows) {
    const last = block + n + Math.min(rows, n - block) - 2;
    for (let i = 0; i < plan.fullSweeps; i++) chains(block, last);
    if (plan.diagonalSweep) {
      chains(2 * block, last);
      columns[2 * block] -= highBias; // what is carried into the first column
    }
    columns[block] += lowBias; // the first quotient of a block adds no low part
  }
  for (let k = 0; k < 2 * n; k++) {
    columns[k] += (1n << 62n) + (1n << BigInt(limbBits - 1));
    if (k > 0) columns[k] -= 1n << BigInt(62 - limbBits); // the bias below, carried
    if (plan.minusQuotients && k < n) columns[k] -= lowBias;
  }
  return columns;
}
