/**
 * Everything random in an answer comes from a seed that is derived from the
 * request: shards agree without talking to each other, and a replayed request is
 * answered byte for byte the same (PROTOCOL, "Tokens").
 *
 * @module
 */
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import {
  bigIntFromBytes,
  bitLength,
} from "../../../sdk/paillier/public/big_integer.ts";
import type { RandomSource } from "../../../sdk/support/random.ts";

const blockBytes = 16;
const surplusBits = 128;

/** HKDF-SHA-256 with a purpose; `length` bytes. */
export function deriveKey(
  secret: Uint8Array,
  purpose: string,
  context: Uint8Array,
  length = 32,
): Uint8Array {
  const info = new TextEncoder().encode(`cipherlayer-1 ${purpose}`);
  return hkdf(sha256, secret, context, info, length);
}

/**
 * Seed of one evaluated round: a secret function of the token (which binds model,
 * plan, key, session and round) and of all ciphertexts; not of the shard.
 */
export async function roundSeed(
  sealingKey: Uint8Array,
  token: Uint8Array,
  ciphertexts: Uint8Array,
): Promise<Uint8Array> {
  const hash = (bytes: Uint8Array) =>
    crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
  const request = new Uint8Array(64);
  request.set(new Uint8Array(await hash(token)), 0);
  request.set(new Uint8Array(await hash(ciphertexts)), 32);
  return deriveKey(sealingKey, "round seed", request);
}

/**
 * Random bytes for the items [from, to): AES-256-CTR under a key derived from
 * `seed` and `purpose`, each item at its own place, so that an item's bytes
 * do not depend on which others are asked for.
 *
 * @param bytesEach that an item may read, the same for every range
 */
export async function seedSources(
  seed: Uint8Array,
  purpose: string,
  { from, to }: { from: number; to: number },
  bytesEach: number,
): Promise<RandomSource[]> {
  const key = await crypto.subtle.importKey(
    "raw",
    deriveKey(seed, purpose, new Uint8Array()) as Uint8Array<ArrayBuffer>,
    "AES-CTR",
    false,
    ["encrypt"],
  );
  const blocksEach = Math.ceil(bytesEach / blockBytes);
  const counter = new Uint8Array(blockBytes);
  new DataView(counter.buffer).setBigUint64(8, BigInt(from * blocksEach));
  const stride = blocksEach * blockBytes;
  const bytes = new Uint8Array(
    await crypto.subtle.encrypt(
      { name: "AES-CTR", counter, length: 64 },
      key,
      new Uint8Array((to - from) * stride),
    ),
  );
  return Array.from(
    { length: to - from },
    (_, i) => reader(bytes.subarray(i * stride, (i + 1) * stride)),
  );
}

/** Hands out `bytes` piece by piece, each once. */
function reader(bytes: Uint8Array): RandomSource {
  let at = 0;
  return (length) => {
    if (at + length > bytes.length) {
      throw new RangeError(
        `Cannot draw from seed: expected at most ${bytes.length} bytes, got ${
          at + length
        }`,
      );
    }
    at += length;
    return bytes.subarray(at - length, at);
  };
}

/** Bytes that `uniformBelow` reads for a bound of so many bits. */
export function uniformBytes(boundBits: number): number {
  return Math.ceil((boundBits + surplusBits) / 8);
}

/**
 * An integer in [0, bound), within 2^-128 of uniform: a residue of 128 bits more
 * than the bound has, so that the bytes read do not depend on chance.
 */
export function uniformBelow(bound: bigint, random: RandomSource): bigint {
  return bigIntFromBytes(random(uniformBytes(bitLength(bound)))) % bound;
}
