/**
 * Arithmetic on whole numbers and lists of numbers.
 *
 * @module
 */

/** Greatest common divisor of two whole numbers of 0 or more; gcd(0, 0) = 0. */
export function gcd(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}

/** Least common multiple of two whole numbers of 1 or more. */
export function lcm(a: number, b: number): number {
  return a * b / gcd(a, b);
}

/** The sum, from first to last; 0 of none. */
export function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
