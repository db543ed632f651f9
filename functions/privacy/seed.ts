/**
 * Everything random in an answer comes from a seed that is derived from the
 * request: shards agree without talking to each other, and a replayed request is
 * answered byte for byte the same (DESIGN section 9).
 */
import { ctr } from "@noble/ciphers/aes.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import type { RandomSource } from "../../sdk/random.ts";

const chunkBytes = 512;
const blockBytes = 16;

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
 * An endless stream of random bytes: AES-256-CTR under a key derived from `seed`
 * and `purpose`, one of 2^32 streams that do not overlap.
 */
export function seedStream(
  seed: Uint8Array,
  purpose: string,
): (index: number) => RandomSource {
  const key = deriveKey(seed, purpose, new Uint8Array());
  return (index) => {
    const counter = new Uint8Array(blockBytes);
    const view = new DataView(counter.buffer);
    view.setUint32(0, index);
    let block = 0;
    let chunk = new Uint8Array();
    let at = 0;
    return (length) => {
      const out = new Uint8Array(length);
      for (let filled = 0; filled < length;) {
        if (at === chunk.length) {
          view.setUint32(12, block);
          chunk = ctr(key, counter).encrypt(new Uint8Array(chunkBytes));
          block += chunkBytes / blockBytes;
          at = 0;
        }
        const take = Math.min(length - filled, chunk.length - at);
        out.set(chunk.subarray(at, at + take), filled);
        filled += take;
        at += take;
      }
      return out;
    };
  };
}
