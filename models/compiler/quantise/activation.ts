/**
 * Activations in integers, with a scale for all, for each channel or for each element.
 *
 * @module
 */
import type { FloatTerm } from "../ir.ts";

/**
 * An activation in integers. Its elements fall into as many equal blocks as there
 * are scales: an element stands for its integer times its block's scale, from the
 * block's zero on.
 */
export interface QuantisedActivation {
  /** Bounds of the integers. */
  low: number;
  high: number;
  scales: Float64Array;
  /** What the integer 0 stands for in each block; null: 0. */
  zeros: Float64Array | null;
  /** The calibration data's integers, one array a sample. */
  samples: Float64Array[];
}

/** Scale of each input channel of a convolution, or of each element of a matrix. */
export function columnScales(
  { map }: FloatTerm,
  { scales }: QuantisedActivation,
): Float64Array {
  const columns = map.kind === "convolution" ? map.input[0] : map.columns;
  return Float64Array.from(
    { length: columns },
    (_, c) => scales[Math.floor(c * scales.length / columns)],
  );
}

/** Variance of the integers, by column as in `columnScales`. */
export function varianceOfColumns(
  { map }: FloatTerm,
  { samples }: QuantisedActivation,
): Float64Array {
  const columns = map.kind === "convolution" ? map.input[0] : map.columns;
  const sums = new Float64Array(columns), squares = new Float64Array(columns);
  let count = 0;
  for (const sample of samples) {
    const area = sample.length / columns;
    count += area;
    for (let c = 0, i = 0; c < columns; c++) {
      for (const end = i + area; i < end; i++) {
        sums[c] += sample[i];
        squares[c] += sample[i] * sample[i];
      }
    }
  }
  return squares.map((sum, c) => sum / count - (sums[c] / count) ** 2);
}

/** For each weight of row `row`, the column that it reads. */
export function columnsOfRow({ map }: FloatTerm, row: number): Int32Array {
  if (map.kind === "matrix") {
    return Int32Array.from({ length: map.columns }, (_, c) => c);
  }
  const { input, output, kernel, groups } = map;
  const perGroup = input[0] / groups, area = kernel[0] * kernel[1];
  const first = Math.floor(row / (output[0] / groups)) * perGroup;
  return Int32Array.from(
    { length: perGroup * area },
    (_, i) => first + Math.floor(i / area),
  );
}
