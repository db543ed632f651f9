/**
 * Ranges and multipliers of integer activations.
 *
 * @module
 */

/** Bounds of `bits`-bit integers that share their range as [least, most] does. */
export function integerBounds(
  min: number,
  max: number,
  bits: number,
): { low: number; high: number } {
  const steps = 2 ** bits - 1;
  const negative = Math.max(0, -min), positive = Math.max(0, max);
  if (negative === 0) return { low: 0, high: steps };
  const low = -Math.round(steps * negative / (negative + positive));
  return { low, high: steps + low };
}

/**
 * Values to be represented, in one list a scale group: `weights[i]` is the squared
 * size of the group's unit.
 */
export interface ValueGroup {
  values: Float64Array;
  weight: number;
}

/**
 * How far beyond the calibration data ranges reach. Readings in use will now and
 * then be stronger, the more so the fewer values were seen; and at many bits room
 * costs little against clipping.
 *
 * @param count values that were seen
 */
export function rangeMargin(bits: number, count: number): number {
  return 1 + Math.min(1, 2 ** (bits - 8) / Math.log(count + 10));
}

/**
 * The factor m for which clamp(round(v * m), low, high) / m comes closest to the
 * values, in weighted squares. Clipping few strong values often beats keeping all.
 */
export function chooseFactor(
  groups: ValueGroup[],
  { low, high }: { low: number; high: number },
): number {
  let reach = 0;
  for (const { values } of groups) {
    for (const v of values) {
      reach = Math.max(reach, v > 0 ? v / high : low < 0 ? v / low : 0);
    }
  }
  if (reach === 0) return 1;
  const errors = new Map<number, number>();
  const error = (step: number) => {
    let known = errors.get(step);
    if (known === undefined) {
      known = clippingError(groups, 2 ** (step / 16) / reach, { low, high });
      errors.set(step, known);
    }
    return known;
  };
  const better = (a: number, b: number) => error(b) < error(a) ? b : a;
  // The error falls, then rises: first in wide steps, then around the least.
  const near = range(0, 48, 4).reduce(better);
  const step = range(Math.max(0, near - 3), Math.min(48, near + 3), 1)
    .reduce(better);
  return 2 ** (step / 16) / reach;
}

function range(from: number, to: number, step: number): number[] {
  return Array.from(
    { length: Math.floor((to - from) / step) + 1 },
    (_, i) => from + i * step,
  );
}

/** Weighted squares of what clamp(round(v * factor), low, high) / factor misses. */
export function clippingError(
  groups: ValueGroup[],
  factor: number,
  { low, high }: { low: number; high: number },
): number {
  let error = 0;
  for (const { values, weight } of groups) {
    let sum = 0;
    for (let i = 0; i < values.length; i++) {
      const q = Math.floor(values[i] * factor + .5);
      const d = values[i] - (q < low ? low : q > high ? high : q) / factor;
      sum += d * d;
    }
    error += sum * weight;
  }
  return error;
}

/**
 * factor as multiplier / 2^shift such that multiplier * magnitude + 2^(shift-1)
 * stays below 2^53 for every |x| <= bound: each product of `requantise` is then
 * exact in a double. With multiplier in [2^(k-1), 2^k) and bound < 2^b, k + b <= 52
 * keeps the product below 2^52; the rounding term 2^(shift-1) is below 2^52 as long
 * as shift <= 52.
 *
 * @throws {RangeError} where the bound leaves no room
 */
export function asMultiplier(
  factor: number,
  bound: number,
): { multiplier: number; shift: number } {
  const boundBits = Math.ceil(Math.log2(bound + 1));
  const bits = Math.min(24, 52 - boundBits);
  if (bits < 1) {
    throw new RangeError(
      `Cannot requantise: expected accumulators below 2^51, got ${bound}`,
    );
  }
  const exponent = Math.floor(Math.log2(factor)) + 1;
  // 2^exponent > factor >= 2^(exponent-1); at least one, for the rounding term.
  const shift = Math.min(52, Math.max(1, bits - exponent));
  const multiplier = Math.min(2 ** bits, Math.round(factor * 2 ** shift));
  if (!(multiplier > 0)) {
    throw new RangeError(
      `Cannot requantise: a factor of ${factor} is nothing in 52 bits`,
    );
  }
  return { multiplier, shift };
}
