/**
 * Arithmetic modulo the square of one prime of a key.
 *
 * @module
 */
import type { RandomSource } from "../../support/random.ts";
import type { Pacer } from "../../support/pacing.ts";
import { bitLength, bytesFromBigInt } from "../public/big_integer.ts";
import type { Arithmetic, Kernel } from "../public/kernel.ts";
import { FixedBaseTable } from "./fixed_base.ts";
import { exponentRegisters, FixedExponent } from "./fixed_exponent.ts";

/** A number modulo p^2 as a + bp. */
export type Pair = [a: bigint, b: bigint];

/**
 * What a key's owner computes modulo the square of one prime p, always two numbers
 * side by side: equal moduli and exponents permit sliding windows.
 */
export class PrimeEngine {
  readonly #prime: bigint;
  readonly #arithmetic: Arithmetic;
  readonly #power: FixedExponent;
  readonly #order: Uint8Array;
  #table: FixedBaseTable | undefined;

  constructor(prime: bigint, kernel: Kernel) {
    this.#prime = prime;
    this.#arithmetic = kernel.open([prime, prime], exponentRegisters);
    this.#power = new FixedExponent(this.#arithmetic, prime - 1n);
    this.#order = bytesFromBigInt(prime - 1n, Math.ceil(bitLength(prime) / 8));
  }

  /** c^(p-1) of two numbers, given big-endian: 1 + bp unless p divides c. */
  powers(numbers: readonly [Uint8Array, Uint8Array]): [Pair, Pair] {
    return this.#power.power(numbers);
  }

  /** Builds the table that `residues` needs from a base of `residueBases`. */
  async prepare(base: bigint, windowBits: number, pacer: Pacer): Promise<void> {
    this.#table = await FixedBaseTable.build(this.#arithmetic, base, {
      firstRegister: exponentRegisters,
      exponentBits: bitLength(this.#prime),
      windowBits,
    }, pacer);
  }

  /** Two fresh uniform powers of the base. */
  residues(random: RandomSource): [Pair, Pair] {
    if (this.#table === undefined) {
      throw new TypeError("Cannot draw residues: table not prepared");
    }
    return this.#table.power([
      randomBytesBelow(this.#order, random),
      randomBytesBelow(this.#order, random),
    ]);
  }
}

/** Uniform below `bound`, big-endian and as long, by rejection. */
function randomBytesBelow(bound: Uint8Array, random: RandomSource): Uint8Array {
  const mask = 0xff >> (Math.clz32(bound[0]) - 24);
  for (;;) {
    const bytes = random(bound.length);
    bytes[0] &= mask;
    if (isBelow(bytes, bound)) return bytes;
  }
}

/** Compares big-endian numbers of equal length. */
export function isBelow(left: Uint8Array, right: Uint8Array): boolean {
  const at = left.findIndex((byte, index) => byte !== right[index]);
  return at >= 0 && left[at] < right[at];
}
