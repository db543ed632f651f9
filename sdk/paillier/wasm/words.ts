/**
 * Integers as 64-bit words, least significant first: several times faster than
 * through hexadecimal text.
 */

/** The integer that the words spell. */
export function integerFromWords(words: BigUint64Array): bigint {
  const join = (from: number, to: number): bigint => {
    if (to - from === 1) return words[from];
    const middle = (from + to) >> 1;
    return join(middle, to) << BigInt(64 * (middle - from)) |
      join(from, middle);
  };
  return words.length === 0 ? 0n : join(0, words.length);
}

/** Fills `words` with 0 <= value < 2^(64 * words.length). */
export function writeWords(value: bigint, words: BigUint64Array): void {
  for (let i = 0; i < words.length; i++) {
    words[i] = value; // the element keeps the lowest 64 bits
    value >>= 64n;
  }
}
