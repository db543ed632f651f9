/**
 * What tells bytes from noise: histograms, chi-squared, neighbours.
 *
 * @module
 */
import { sum } from "../../sdk/support/numbers.ts";

const byteValues = 256;

/** How often each byte occurs. */
export function histogram(bytes: Iterable<number>): number[] {
  const counts = new Array<number>(byteValues).fill(0);
  for (const byte of bytes) counts[byte]++;
  return counts;
}

/** Chi-squared of counts against all being equally likely. */
export function chiSquared(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) /
    counts.length;
  return counts.reduce(
    (sum, count) => sum + (count - expected) ** 2 / expected,
    0,
  );
}

/**
 * Probability of a chi-squared at least this large, by Wilson and Hilferty's cube
 * root: right to three digits from 30 degrees of freedom on.
 */
export function chiSquaredTail(value: number, degrees: number): number {
  const spread = 2 / (9 * degrees);
  const z = (Math.cbrt(value / degrees) - (1 - spread)) / Math.sqrt(spread);
  return normalTail(z);
}

/** Probability of a standard normal above z, to 1e-7 (Abramowitz and Stegun 7.1.26). */
function normalTail(z: number): number {
  if (z < 0) return 1 - normalTail(-z);
  const x = z / Math.SQRT2, t = 1 / (1 + 0.3275911 * x);
  const polynomial = [
    1.061405429,
    -1.453152027,
    1.421413741,
    -0.284496736,
    0.254829592,
  ].reduce((sum, coefficient) => (sum + coefficient) * t, 0);
  return polynomial * Math.exp(-x * x) / 2;
}

/**
 * Pearson correlation of each pixel with the one `step` to its right and below:
 * near 1 in photographs, near 0 in noise. 0 where all pixels are alike.
 *
 * @param pixels row-major
 */
export function neighbourCorrelation(
  pixels: ArrayLike<number>,
  width: number,
  [right, below]: readonly [right: number, below: number],
): number {
  const height = pixels.length / width;
  let count = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0;
  for (let row = 0; row + below < height; row++) {
    for (let column = 0; column + right < width; column++) {
      const a = pixels[row * width + column];
      const b = pixels[(row + below) * width + column + right];
      count++;
      x += a;
      y += b;
      xx += a * a;
      yy += b * b;
      xy += a * b;
    }
  }
  const variances = (xx - x * x / count) * (yy - y * y / count);
  return variances <= 0 ? 0 : (xy - x * y / count) / Math.sqrt(variances);
}

export const mean = (values: readonly number[]): number =>
  sum(values) / values.length;
