/**
 * Moduli that a hostile gateway would choose: as many primes as the key proof lets pass.
 *
 * @module
 */
import { bytesFromBigInt } from "../../sdk/paillier/public/big_integer.ts";
import {
  keyChallenge,
  proofRoots,
} from "../../sdk/paillier/public/key_proof.ts";
import { modInverse, modPower } from "../../sdk/paillier/public/modular.ts";
import { primesBelow } from "../../sdk/paillier/public/small_primes.ts";
import { isProbablePrime } from "../../sdk/paillier/private/primes.ts";

/** Primes of 17 bits, and one of what is left of `bits`; gcd(N, phi(N)) is 1. */
export function manyPrimes(bits: number): bigint[] {
  const many: bigint[] = [];
  const top = BigInt(bits - 1);
  let product = 1n;
  const fitting = (p: bigint) => many.every((q) => (p - 1n) % q !== 0n);
  for (const prime of primesBelow(1 << 17).filter((p) => p > 1 << 16)) {
    if (product >> top - 40n !== 0n) break;
    const candidate = BigInt(prime);
    if (!fitting(candidate)) continue;
    many.push(candidate);
    product *= candidate;
  }
  let last = (1n << top) / product | 1n;
  while (
    !isProbablePrime(last) || product * last >> top !== 1n || !fitting(last)
  ) last += 2n;
  return [...many, last];
}

/** The proof that N is fit to be a key, for any primes, by phi(N). */
export function proveKey(primes: readonly bigint[]): Uint8Array[] {
  const modulus = primes.reduce((product, prime) => product * prime);
  const phi = primes.reduce((product, prime) => product * (prime - 1n), 1n);
  const exponent = modInverse(modulus % phi, phi);
  const bytes = Math.ceil(modulus.toString(16).length / 2);
  return Array.from(
    { length: proofRoots },
    (_, index) =>
      bytesFromBigInt(
        modPower(keyChallenge(modulus, index), exponent, modulus),
        bytes,
      ),
  );
}
