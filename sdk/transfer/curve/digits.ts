/**
 * Scalars as signed digits.
 *
 * @module
 */

/** Digits to base 16 of a scalar below 2^255. */
export const scalarDigits = 64;

/** Digits from -8 to 8, the lowest first: their sum with powers of 16 is the scalar. */
export function digitsOf(scalar: bigint): number[] {
  const digits: number[] = [];
  let carry = 0;
  for (let i = 0; i < scalarDigits; i++) {
    const digit = Number(scalar >> BigInt(4 * i) & 15n) + carry;
    carry = digit + 8 >> 4;
    digits.push(digit - 16 * carry);
  }
  return digits;
}
