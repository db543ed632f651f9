/**
 * Makes the proof that a modulus is well formed; `public/key_proof.ts` checks it.
 *
 * @module
 */
import { bytesFromBigInt } from "../public/big_integer.ts";
import { keyChallenge, proofRoots } from "../public/key_proof.ts";
import { modInverse, modPower } from "../public/modular.ts";
import type { PrivateKey } from "./private_key.ts";
import { ResidueJoiner } from "./residue_joiner.ts";

/**
 * Proof that the key is well-formed, for session start: N-th roots of 8 numbers
 * that are hashed from N. It takes no challenge from outside, and must not: the
 * N-th root of a ciphertext is its randomness, which decrypts it.
 *
 * @returns the roots, each modulusBits/8 bytes, big-endian
 */
export function makeKeyProof(key: PrivateKey): Uint8Array[] {
  const { modulus, modulusBytes } = key.publicKey;
  const primes = key.exportPrimes(), joiner = new ResidueJoiner(primes);
  const exponents = primes.map((p) => modInverse(modulus, p - 1n));
  return Array.from({ length: proofRoots }, (_, index) => {
    const challenge = keyChallenge(modulus, index);
    const root = joiner.join(
      primes.map((p, i) => modPower(challenge, exponents[i], p)),
    );
    return bytesFromBigInt(root, modulusBytes);
  });
}
