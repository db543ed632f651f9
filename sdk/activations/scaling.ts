/**
 * Steps that work element by element: rescaling, ReLU, leaky ReLU, look-up tables.
 *
 * @module
 */
/** floor((x*multiplier + 2^(shift-1)) / 2^shift): x * multiplier / 2^shift, rounded. */
export interface Scaling {
  multiplier: number;
  shift: number;
}

/** clamp(scaled x, low, high) for each value. */
export function requantise(
  values: Float64Array,
  scaling: Scaling,
  low: number,
  high: number,
): Float64Array {
  const { multiplier } = scaling;
  const half = 2 ** (scaling.shift - 1), unit = 2 ** -scaling.shift;
  // A loop: `map` would take five times as long.
  const results = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const scaled = Math.floor((values[i] * multiplier + half) * unit);
    results[i] = scaled < low ? low : scaled > high ? high : scaled;
  }
  return results;
}

/** Negative values become 0. */
export function relu(values: Float64Array): Float64Array {
  const results = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    results[i] = values[i] > 0 ? values[i] : 0;
  }
  return results;
}

/** Negative values times their channel's slope, the others times `positive`. */
export function leakyRelu(
  values: Float64Array,
  { positive, negative }: { positive: number; negative: readonly number[] },
): Float64Array {
  const perSlope = values.length / negative.length;
  return values.map((x, i) =>
    x < 0 ? x * negative[Math.floor(i / perSlope)] + 0 : x * positive
  );
}

/** table[scaled x - low], the index held within the table. */
export function lookUp(
  values: Float64Array,
  scaling: Scaling,
  low: number,
  table: readonly number[],
): Float64Array {
  return requantise(values, scaling, low, low + table.length - 1)
    .map((index) => table[index - low]);
}
