/**
 * Large integers as words of bits, lowest first.
 *
 * @module
 */

/** Words of a non-negative integer, in groups of 32 bits; higher bits are dropped. */
export function wordsOfInteger(value: bigint, bits: number): Uint32Array {
  const words = new Uint32Array(Math.ceil(bits / 32) + 1);
  const hex = BigInt.asUintN(bits, value).toString(16)
    .padStart(8 * words.length, "0");
  for (let w = 0; w < words.length; w++) {
    const end = hex.length - 8 * w;
    words[w] = parseInt(hex.slice(end - 8, end), 16);
  }
  return words;
}

/** The integer that the words spell. */
export function integerOfWords(words: Uint32Array): bigint {
  let hex = "0x";
  for (let w = words.length - 1; w >= 0; w--) {
    hex += words[w].toString(16).padStart(8, "0");
  }
  return BigInt(hex);
}

export const bitAt = (words: Uint32Array, at: number): number =>
  words[at >>> 5] >>> (at & 31) & 1;

/** At most 31 bits from `at` on. */
export function pieceAt(words: Uint32Array, at: number, bits: number): number {
  const shift = at & 31, w = at >>> 5;
  let value = words[w] >>> shift;
  if (shift + bits > 32) value |= words[w + 1] << (32 - shift);
  return value & (2 ** bits - 1);
}

/** Sets bits, until then 0, from `at` on. */
export function putPiece(words: Uint32Array, at: number, value: number): void {
  const shift = at & 31, w = at >>> 5;
  words[w] |= value << shift;
  if (shift > 0 && w + 1 < words.length) words[w + 1] |= value >>> (32 - shift);
}
