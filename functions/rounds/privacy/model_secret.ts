/**
 * Secret bytes that belong to one version of a model.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import type { Manifest } from "../../../models/package/format.ts";
import type { RandomSource } from "../../../sdk/support/random.ts";
import { deriveKey } from "./seed.ts";

/**
 * An endless stream of secret bytes that belongs to one version of a model: its
 * decoys stay the same as long as the model and the sealing key do.
 */
export function modelRandom(
  sealingKey: Uint8Array,
  { name, version }: Pick<Manifest, "name" | "version">,
): RandomSource {
  const context = new TextEncoder().encode(JSON.stringify([name, version]));
  const key = deriveKey(sealingKey, "model decoys", context);
  let counter = 0, rest = new Uint8Array();
  return (length) => {
    const out = new Uint8Array(length);
    for (let at = 0; at < length;) {
      if (rest.length === 0) {
        const block = new Uint8Array(key.length + 4);
        block.set(key);
        new DataView(block.buffer).setUint32(key.length, counter++);
        rest = sha256(block) as Uint8Array<ArrayBuffer>;
      }
      const take = Math.min(length - at, rest.length);
      out.set(rest.subarray(0, take), at);
      rest = rest.subarray(take);
      at += take;
    }
    return out;
  };
}
