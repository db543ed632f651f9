/**
 * Checks the proof that gcd(N, phi(N)) = 1.
 *
 * @module
 */
import { CipherlayerError } from "../../support/errors.ts";
import { bigIntFromBytes, bitLength } from "./big_integer.ts";
import { residueFromSeed } from "./hash_to_residue.ts";
import { modPower } from "./modular.ts";
import { SmallPrimes } from "./small_primes.ts";

/*
 * The statement: gcd(N, phi(N)) = 1, so that r -> r^N is a bijection and the N-th
 * powers are exactly the encryptions of 0. How many primes N has does not matter, but
 * that they are fewer than its bits over 16 does: see `maxPrimes`. Keys of two, three
 * and four pass, and so do a prime and a product of a hundred primes. Were a prime f a
 * common divisor, only one residue in f would have an N-th root modulo N. With no prime
 * factor below 2^16 each challenge passes with probability below 2^-16, so all 8 with
 * 2^-128.
 */

/** Number of roots that a proof holds. */
export const proofRoots = 8;

/** Key lengths that are accepted, in bits. */
const secureLengths = [2048, 3072, 4096];

/** No prime factor of N is shorter. */
const factorBits = 16;
/** Made for the first check: gateways need none. */
let smallPrimes: SmallPrimes | undefined;

/** The largest number of primes that a modulus of so many bits has if it passes. */
export function maxPrimes(modulusBits: number): number {
  return Math.ceil(modulusBits / factorBits) - 1;
}

/** Challenge number `index`: hashed from the modulus, so that no verifier chooses it. */
export function keyChallenge(modulus: bigint, index: number): bigint {
  return residueFromSeed("cipherlayer-key-v1", modulus, index);
}

/**
 * Checks that `modulus` is fit to be a public key: odd, exactly 2048, 3072 or 4096
 * bits, no prime factor below 2^16, and N-th roots of 8 challenges.
 *
 * @param proof the roots, each big-endian in exactly modulusBits/8 bytes
 * @param options `insecure` also permits 512 to 4096 bits in steps of 8: tests only
 * @throws {CipherlayerError} "key-rejected", saying which check failed
 */
export function verifyKeyProof(
  modulus: bigint,
  proof: Uint8Array[],
  options: { insecure?: boolean } = {},
): void {
  const check = keyProofCheck(modulus, proof, options);
  while (!check.next().done);
}

/** {@linkcode verifyKeyProof} in steps of some milliseconds, a root each. */
export function* keyProofCheck(
  modulus: bigint,
  proof: Uint8Array[],
  options: { insecure?: boolean } = {},
): Generator<void, void> {
  const bits = bitLength(modulus);
  const permitted = secureLengths.includes(bits) ||
    options.insecure && bits >= 512 && bits <= 4096 && bits % 8 === 0;
  if (modulus < 0n || !permitted) {
    reject(`expected a modulus of ${secureLengths.join(", ")} bits`, bits);
  }
  smallPrimes ??= new SmallPrimes(1 << factorBits);
  if (smallPrimes.divideAny(modulus)) {
    reject("expected a modulus without small prime factors", "one with");
  }
  if (proof.length !== proofRoots) {
    reject(`expected a proof of ${proofRoots} roots`, proof.length);
  }
  for (const [index, bytes] of proof.entries()) {
    if (bytes.length !== bits / 8) {
      reject(`expected roots of ${bits / 8} bytes`, bytes.length);
    }
    const root = bigIntFromBytes(bytes);
    if (
      root >= modulus ||
      modPower(root, modulus, modulus) !== keyChallenge(modulus, index)
    ) {
      reject(`expected root ${index} to solve its challenge`, "another number");
    }
    yield;
  }
}

function reject(expected: string, got: string | number): never {
  throw new CipherlayerError(
    "key-rejected",
    `Cannot accept public key: ${expected}, got ${got}`,
  );
}
