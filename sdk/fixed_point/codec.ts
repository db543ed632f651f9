/**
 * Signed integers as residues modulo N, and reals as fixed-point integers.
 *
 * @module
 */
import { CipherlayerError } from "../support/errors.ts";

/**
 * A signed integer as a residue modulo N. The middle third of the residues stays
 * free, so that sums which leave the range are noticed (paper, section 3.1.4).
 *
 * @param value in [-N/3, N/3]
 * @throws {RangeError} naming value and range
 */
export function toResidue(value: bigint, modulus: bigint): bigint {
  const max = modulus / 3n;
  if (value < -max || value > max) {
    throw new RangeError(
      `Cannot encode: expected an integer in [-N/3, N/3] = [-${max}, ${max}], got ${value}`,
    );
  }
  return value < 0n ? value + modulus : value;
}

/**
 * The signed integer that a residue stands for.
 *
 * @throws {RangeError} if it is no residue
 * @throws {CipherlayerError} "overflow" if it lies in the band between N/3 and 2N/3
 */
export function fromResidue(residue: bigint, modulus: bigint): bigint {
  if (residue < 0n || residue >= modulus) {
    throw new RangeError(
      `Cannot decode: expected a residue in [0, N) = [0, ${modulus}), got ${residue}`,
    );
  }
  const max = modulus / 3n;
  if (residue <= max) return residue;
  if (residue >= modulus - max) return residue - modulus;
  throw new CipherlayerError(
    "overflow",
    "Cannot decode: expected a sum in [-N/3, N/3], got one in the overflow band",
  );
}

/**
 * Real numbers in fixed point, as residues modulo N: x becomes round(x Q) for the
 * expansion factor Q. A product of k such numbers has the factor Q^k.
 *
 * @example
 * ```ts
 * import { FixedPointCodec } from "@cipherlayer/sdk/protocol";
 *
 * const codec = new FixedPointCodec((1n << 127n) - 1n, 1000);
 * const product = codec.encode(-1.5) * codec.encode(0.25) % codec.modulus;
 * if (codec.decode(product, 2) !== -0.375) throw new Error("wrong product");
 * ```
 */
export class FixedPointCodec {
  /**
   * A codec for one key.
   *
   * @param modulus N
   * @param expansion Q: a positive integer, at most 2^53
   * @throws {RangeError} on another expansion factor
   */
  constructor(readonly modulus: bigint, readonly expansion: number) {
    if (!Number.isSafeInteger(expansion) || expansion < 1) {
      throw new RangeError(
        `Cannot make codec: expected a positive integer expansion factor, got ${expansion}`,
      );
    }
  }

  /**
   * The residue of round(value * Q).
   *
   * @param value real, |value| at most N/(3Q)
   * @throws {RangeError} naming value and range
   */
  encode(value: number): bigint {
    const scaled = Math.round(value * this.expansion);
    if (!Number.isFinite(scaled)) {
      throw new RangeError(
        `Cannot encode: expected a finite number of magnitude up to N/(3Q), got ${value}`,
      );
    }
    return toResidue(BigInt(scaled), this.modulus);
  }

  /**
   * The real number that a residue stands for.
   *
   * @param residue in [0, N)
   * @param factors how many encoded numbers were multiplied, at least 1
   * @throws {RangeError} if it is no residue
   * @throws {CipherlayerError} "overflow" if it lies in the overflow band
   */
  decode(residue: bigint, factors = 1): number {
    const value = fromResidue(residue, this.modulus);
    const divisor = BigInt(this.expansion) ** BigInt(factors);
    // Whole and fractional part apart, since either integer may exceed a double.
    return Number(value / divisor) + ratio(value % divisor, divisor);
  }
}

/** part/whole as a double for |part| < whole, however large. */
function ratio(part: bigint, whole: bigint): number {
  const bits = 64n;
  return Number((part << bits) / whole) / 2 ** Number(bits);
}
