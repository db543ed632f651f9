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

export const bitAt = (words: Uint32Array, at: number): number =>
  words[at >>> 5] >>> (at & 31) & 1;

/**
 * Sum modulo 2^bits of numbers of `words` words each, one after the other, of which each
 * is less than 2^bits.
 */
export function sumOfNumbers(
  numbers: Uint32Array,
  words: number,
  bits: number,
): bigint {
  let sum = 0n;
  for (let w = words - 1; w >= 0; w--) {
    let column = 0;
    for (let at = w; at < numbers.length; at += words) column += numbers[at];
    sum = (sum << 32n) + BigInt(column);
  }
  return BigInt.asUintN(bits, sum);
}
