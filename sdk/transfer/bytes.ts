/**
 * Bytes as they travel: cut, as words and as bits.
 *
 * @module
 */

/** Cuts bytes into pieces of these lengths. */
export function cut(bytes: Uint8Array, lengths: readonly number[]) {
  let at = 0;
  return lengths.map((length) => bytes.subarray(at, at += length));
}

export const bytesOfWords = (words: Uint32Array): Uint8Array =>
  new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
export const wordsOfBytes = (bytes: Uint8Array): Uint32Array =>
  new Uint32Array(bytes.slice().buffer);

/** Bits, lowest first; a byte's spare bits are 0. */
export function packBits(bits: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(bits.length / 8));
  bits.forEach((bit, i) => bytes[i >> 3] |= bit << (i & 7));
  return bytes;
}
export const bitOf = (bytes: Uint8Array, i: number): number =>
  bytes[i >> 3] >> (i & 7) & 1;
