/**
 * The hash of garbled gates and of oblivious transfer: the ChaCha12 block function on a label, a salt and a tweak.
 *
 * State: the four constants, the label (128 bits), the salt (128 bits), then gate,
 * lane, domain and 0. Output: words 4 to 7 of the block (so the label is added). Taken
 * as an ideal permutation, its truncation is a tweakable circular correlation robust
 * hash, provided that no (salt, gate, lane, domain) is met with two pairs of labels.
 *
 * @module
 */

/** Rounds of ChaCha; the only number that ships. */
export const hashRounds = 12;

/** First row of the ChaCha state. */
export const chachaConstants = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574];

/** What a hash is for: no two uses share a tweak. */
export const domains = {
  /** Garbler's half of an AND, or its only one. */
  garblerHalf: 0,
  /** Evaluator's half of an AND. */
  evaluatorHalf: 1,
  /** Pad of a projection's row. */
  projection: 2,
  /** Children of a node, in the trees of oblivious transfer. */
  tree: 3,
  /** Public numbers of the code of oblivious transfer. */
  code: 4,
  /** Pads of what one oblivious transfer hands over. */
  pad: 5,
} as const;

const state = new Uint32Array(16);

function quarter(a: number, b: number, c: number, d: number): void {
  const x = state;
  const half = (first: number, second: number) => {
    x[a] += x[b];
    x[d] ^= x[a];
    x[d] = x[d] << first | x[d] >>> (32 - first);
    x[c] += x[d];
    x[b] ^= x[c];
    x[b] = x[b] << second | x[b] >>> (32 - second);
  };
  half(16, 12);
  half(8, 7);
}

/**
 * Hash of one label.
 *
 * @param label four words
 * @param salt four words
 * @param tweak gate, lane and domain
 * @returns four words, in an array of the caller's if `into` is given
 */
export function hashLabel(
  label: ArrayLike<number>,
  salt: ArrayLike<number>,
  tweak: readonly [gate: number, lane: number, domain: number],
  into: Uint32Array = new Uint32Array(4),
): Uint32Array {
  state.set(chachaConstants);
  state.set(label, 4);
  state.set(salt, 8);
  state.set(tweak, 12);
  state[15] = 0;
  for (let round = 0; round < hashRounds; round += 2) {
    for (let i = 0; i < 4; i++) quarter(i, 4 + i, 8 + i, 12 + i);
    for (let i = 0; i < 4; i++) {
      quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
    }
  }
  for (let w = 0; w < 4; w++) into[w] = state[4 + w] + label[w];
  return into;
}
