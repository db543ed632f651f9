/**
 * The bases of a key's randomisers: enough to generate the N-th residues of every
 * modulus that the key proof lets pass, however many primes it has.
 *
 * @module
 */
import {
  bigIntFromBytes,
  bitLength,
  bytesFromBigInt,
} from "../../../sdk/paillier/public/big_integer.ts";
import { maxPrimes } from "../../../sdk/paillier/public/key_proof.ts";
import { deriveKey } from "./seed.ts";

/** Bases beyond one a prime: of 2^40 keys one has bases that generate less. */
const surplusBases = 40;
/** Bits that all exponents together have more than N. */
const surplusBits = 192;

/**
 * Number of bases, a multiple of 8: 168 at 2048 bits. The N-th residues of k primes
 * have q^k - 1 characters of order q at most, each of them trivial on all of the bases
 * with probability q^-bases.
 */
export function baseCount(modulusBits: number): number {
  return 8 * Math.ceil((maxPrimes(modulusBits) + surplusBases) / 8);
}

/** Bits of the exponent of each base: 14 at 2048 bits. */
export function exponentBits(modulusBits: number): number {
  return Math.ceil((modulusBits + surplusBits) / baseCount(modulusBits));
}

/** Random bytes of one randomiser: for each bit of the exponents a bit a base. */
export function randomiserBytes(modulusBits: number): number {
  return exponentBits(modulusBits) * baseCount(modulusBits) / 8;
}

/** Base number `t` of a key, before it is raised to N. */
export function keyBase(
  sealingKey: Uint8Array,
  modulus: bigint,
  t: number,
): bigint {
  const modulusBits = bitLength(modulus);
  const wide = deriveKey(
    sealingKey,
    `randomiser base ${t}`,
    bytesFromBigInt(modulus, Math.ceil(modulusBits / 8)),
    Math.ceil((modulusBits + 128) / 8),
  );
  return bigIntFromBytes(wide) % modulus;
}
