/**
 * Residues modulo N hashed from a seed, so that nobody chose them.
 *
 * @module
 */
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bigIntFromBytes, bitLength, bytesFromBigInt } from "./big_integer.ts";

/**
 * A residue modulo `modulus` that nobody chose: HKDF-SHA-256 with the modulus
 * (big-endian, shortest form) as key material, `label` as salt and the four
 * big-endian bytes of `index` as info, expanded to 128 bits more than the modulus
 * has (rounded up to bytes), then reduced: within 2^-128 of uniform.
 */
export function residueFromSeed(
  label: string,
  modulus: bigint,
  index: number,
): bigint {
  const bits = bitLength(modulus);
  const info = new Uint8Array(4);
  new DataView(info.buffer).setUint32(0, index);
  const bytes = hkdf(
    sha256,
    bytesFromBigInt(modulus, Math.ceil(bits / 8)),
    new TextEncoder().encode(label),
    info,
    Math.ceil((bits + 128) / 8),
  );
  return bigIntFromBytes(bytes) % modulus;
}
