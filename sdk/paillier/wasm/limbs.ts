/**
 * Numbers as limbs: an integer is sum d_j 2^(50 j) with digits d_j held as
 * float64. Balanced digits lie in [-2^49, 2^49).
 *
 * @module
 */

/** Bits of a limb. */
export const limbBits = 50;
/** Bytes of a SIMD vector. */
export const vectorBytes = 16;
/** 2^50. */
export const limbBase = 2 ** limbBits;

/**
 * Limbs of each component for a modulus of this many bits: R = 2^(50 n) must be at
 * least 4 M (see `sweeps.ts` for why). At least two blocks of rows, so that a sweep
 * settles the next block's columns before it ends.
 */
export function limbsFor(modulusBits: number): number {
  return Math.max(6, Math.ceil((modulusBits + 2) / limbBits));
}

/** Memory of a kernel's register for a modulus of this many bits: a vector of 16 bytes for each limb. */
export function registerBytes(modulusBits: number): number {
  return vectorBytes * limbsFor(modulusBits);
}

/**
 * Balanced digits of `value`, least significant first. The last digit takes what
 * is left, so that it alone may be out of range.
 */
export function digitsOf(value: bigint, limbs: number): Float64Array {
  const digits = new Float64Array(limbs);
  for (let j = 0; j < limbs - 1; j++) {
    const digit = BigInt.asIntN(limbBits, value);
    digits[j] = Number(digit);
    value = (value - digit) >> BigInt(limbBits);
  }
  digits[limbs - 1] = Number(value);
  return digits;
}

/** -1 / modulus mod 2^50, balanced. The modulus must be odd. */
export function negativeInverse(modulus: bigint): number {
  let inverse = 1n; // right modulo 2; each Newton step doubles the bits
  for (let bits = 1; bits < limbBits; bits *= 2) {
    inverse = BigInt.asUintN(limbBits, inverse * (2n - modulus * inverse));
  }
  return Number(BigInt.asIntN(limbBits, -inverse));
}
