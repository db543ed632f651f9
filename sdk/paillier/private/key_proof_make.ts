import { bytesFromBigInt } from "../public/big_integer.ts";
import { keyChallenge, proofRoots } from "../public/key_proof.ts";
import { joinResidues, modInverse, modPower } from "../public/modular.ts";
import type { PrivateKey } from "./private_key.ts";

/**
 * Proof that the key is well-formed, for session start: N-th roots of 11 numbers
 * that are hashed from N. It takes no challenge from outside, and must not: the
 * N-th root of a ciphertext is its randomness, which decrypts it.
 *
 * @returns the roots, each modulusBits/8 bytes, big-endian
 */
export function makeKeyProof(key: PrivateKey): Uint8Array[] {
  const { modulus, modulusBytes } = key.publicKey;
  const { p, q } = key.exportPrimes();
  const pExponent = modInverse(modulus, p - 1n);
  const qExponent = modInverse(modulus, q - 1n);
  const qInverse = modInverse(q, p);
  return Array.from({ length: proofRoots }, (_, index) => {
    const challenge = keyChallenge(modulus, index);
    const root = joinResidues(
      modPower(challenge, pExponent, p),
      modPower(challenge, qExponent, q),
      { p, q, qInverse },
    );
    return bytesFromBigInt(root, modulusBytes);
  });
}
