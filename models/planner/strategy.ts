/**
 * How weights become table look-ups.
 *
 * @module
 */
/**
 * How weights become look-ups. A weight is written in `planes` balanced digits
 * -halfRange .. halfRange to the odd base 2*halfRange + 1; the digits of
 * `groupSize` inputs that share a tap and a plane form one number J, again in
 * balanced digits, and T[|J|] = product of inputs^digits is the table entry that
 * the output takes: into its numerator if J > 0, into its denominator if J < 0.
 *
 * With `buckets` there is no table: each output collects the inputs of equal
 * |digit| in its own bucket, and the buckets are raised to their digits last.
 */
export interface Strategy {
  planes: number;
  halfRange: number;
  groupSize: number;
  buckets: boolean;
}

/** More would leave the processor's caches, for no fewer products in practice. */
const maxTableEntries = 1100;
const maxPlanes = 6;
const widestBuckets = 255;
const widestTables = 2047;

/** Largest |J|: entries that a table may have. */
export function tableEntries(strategy: Strategy): number {
  return ((2 * strategy.halfRange + 1) ** strategy.groupSize - 1) / 2;
}

/** Largest |weight| that the strategy's digits express. */
export function expressible(planes: number, halfRange: number): number {
  return ((2 * halfRange + 1) ** planes - 1) / 2;
}

/** Strategies that express weights up to `largest` with tables of bounded size. */
export function* candidates(largest: number): Generator<Strategy> {
  for (let planes = 1; planes <= maxPlanes; planes++) {
    const root = (2 * largest + 1) ** (1 / planes);
    let halfRange = Math.max(1, Math.floor((root - 1) / 2));
    while (expressible(planes, halfRange) < largest) halfRange++;
    if (halfRange <= widestBuckets) {
      yield { planes, halfRange, groupSize: 1, buckets: true };
    }
    for (let groupSize = 1; halfRange <= widestTables; groupSize++) {
      const strategy = { planes, halfRange, groupSize, buckets: false };
      if (groupSize > 1 && tableEntries(strategy) > maxTableEntries) break;
      yield strategy;
    }
    if (halfRange === 1) break;
  }
}

/** The balanced digits of a weight, lowest first, one for each plane. */
export function balancedDigits(
  weight: number,
  { planes, halfRange }: Strategy,
): number[] {
  const base = 2 * halfRange + 1;
  let rest = weight;
  return Array.from({ length: planes }, () => {
    const quotient = Math.round(rest / base);
    const digit = rest - quotient * base;
    rest = quotient;
    return digit;
  });
}
