/**
 * Uniform numbers from a random source.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";

/** Numbers in [0, 1). */
export type Uniform = () => number;

/** The same numbers for the same name: attacks and held-out inputs can be repeated. */
export function uniformFrom(name: string): Uniform {
  let state = sha256(new TextEncoder().encode(name)), at = 0;
  return () => {
    if (at === state.length) {
      state = sha256(state);
      at = 0;
    }
    const view = new DataView(state.buffer, state.byteOffset);
    const value = view.getUint32(at) / 2 ** 32;
    at += 4;
    return value;
  };
}
