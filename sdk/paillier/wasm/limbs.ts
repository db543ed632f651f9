/**
 * Numbers as limbs: an integer is sum d_j 2^(b j) with digits d_j held as float64.
 * Balanced digits lie in [-2^(b-1), 2^(b-1)).
 *
 * @module
 */

/** How long digits are, and how they are multiplied (see `sweeps.ts`). */
export interface DigitFormat {
  /** b */
  readonly bits: number;
  /** Whether multiply-adds round once, which splits products of long digits. */
  readonly fused: boolean;
  /** Max rows of a block. */
  readonly rows: number;
}

/** For machines that fuse multiply-adds. */
export const longDigits: DigitFormat = { bits: 50, fused: true, rows: 3 };
/** Their products are exact in float64: for every machine. */
export const shortDigits: DigitFormat = { bits: 25, fused: false, rows: 4 };

/** Bytes of a SIMD vector. */
export const vectorBytes = 16;

/**
 * Limbs of each component for a modulus of this many bits: R = 2^(b n) must be at
 * least 4 M (see `sweeps.ts` for why). At least two blocks of rows, so that a sweep
 * settles the next block's columns before it ends.
 */
export function limbsFor(
  modulusBits: number,
  { bits, rows }: DigitFormat,
): number {
  return Math.max(2 * rows, Math.ceil((modulusBits + 2) / bits));
}

/** Memory of a kernel's register for a modulus of this many bits: a vector for each limb. */
export function registerBytes(
  modulusBits: number,
  format: DigitFormat,
): number {
  return vectorBytes * limbsFor(modulusBits, format);
}

/**
 * Balanced digits of `value`, least significant first. The last digit takes what
 * is left, so that it alone may be out of range.
 */
export function digitsOf(
  value: bigint,
  limbs: number,
  { bits }: DigitFormat,
): Float64Array {
  const digits = new Float64Array(limbs);
  for (let j = 0; j < limbs - 1; j++) {
    const digit = BigInt.asIntN(bits, value);
    digits[j] = Number(digit);
    value = (value - digit) >> BigInt(bits);
  }
  digits[limbs - 1] = Number(value);
  return digits;
}

/** -1 / modulus mod 2^b, balanced. The modulus must be odd. */
export function negativeInverse(
  modulus: bigint,
  { bits }: DigitFormat,
): number {
  let inverse = 1n; // right modulo 2; each Newton step doubles the bits
  for (let right = 1; right < bits; right *= 2) {
    inverse = BigInt.asUintN(bits, inverse * (2n - modulus * inverse));
  }
  return Number(BigInt.asIntN(bits, -inverse));
}
