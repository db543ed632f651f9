/**
 * The noise and the code that silent oblivious transfer rests on: parameters, and the
 * code's public numbers.
 *
 * Dual LPN with regular noise: 2n blocks in `trees` runs of equal length, one place of
 * noise a run; an expand-convolute code (Raghuraman, Rindal, Tanguy 2023) of rate 1/2.
 * With 368 places linear tests have a bias below 2^-131 even if the code reaches no more
 * than the Gilbert-Varshamov distance, 0.11.
 *
 * @module
 */
import { type GateKernel, heapAt, saltAt } from "../garbling/gate_kernel.ts";
import { domains } from "../garbling/hash.ts";

/** Places of noise: one tree each. A multiple of four. */
export const trees = 368;
/** Blocks that an output adds up. */
export const weight = 21;
/** Blocks before it that a block takes up at random, and its predecessor always. */
export const memoryLength = 24;

/**
 * Leaves of a tree, at least: shorter runs tell so much about the noise that solving
 * quadratic equations (Briaud, Oygarden 2023) comes near.
 */
export const minLeaves = 8;
/** Half a million transfers; bounds what one message may ask for. */
export const maxLeaves = 2048;

/** Transfers of a batch with trees of so many leaves. */
export const outputsOf = (leaves: number): number => trees * leaves / 2;

/** Leaves of a batch of at least so many transfers. */
export const leavesFor = (transfers: number): number =>
  Math.max(minLeaves, Math.ceil(2 * transfers / trees));

/** Levels of a tree below its root. */
export const levelsOf = (leaves: number): number =>
  Math.ceil(Math.log2(leaves));

/** Transfers that a batch of this size starts from: one a tree and level. */
export const basesOf = (leaves: number): number => trees * levelsOf(leaves);

/** The code's public numbers, for so many blocks. */
export interface CodeNumbers {
  /** For each block, in its low bits, which of those before it are taken up. */
  coefficients: Uint32Array;
  /** For each output, one after another, the blocks that it adds up. */
  indices: Uint32Array;
}

/** Groups of four labels that are hashed at once. */
const groupsAtOnce = 1024;

export function codeNumbers(kernel: GateKernel, blocks: number): CodeNumbers {
  const picks = weight * blocks / 2;
  const coefficients = publicWords(kernel, 0, blocks);
  const indices = publicWords(kernel, 1, picks);
  // A residue's bias tells nothing: the numbers are public.
  for (let i = 0; i < picks; i++) {
    indices[i] = Math.floor(indices[i] * blocks / 2 ** 32);
  }
  return { coefficients, indices };
}

/** Words of the hash of label 0 under salt 0, in the order of lanes in memory. */
function publicWords(
  kernel: GateKernel,
  series: number,
  count: number,
): Uint32Array {
  const perTurn = 16 * groupsAtOnce;
  const zeros = heapAt, out = heapAt + 4 * perTurn;
  kernel.reserve(out + 4 * perTurn);
  const memory = kernel.words, words = new Uint32Array(count);
  memory.fill(0, saltAt / 4, saltAt / 4 + 16);
  memory.fill(0, zeros / 4, zeros / 4 + perTurn);
  for (let at = 0; at < count; at += perTurn) {
    kernel.hash(zeros, out, groupsAtOnce, series, at / 4, domains.code);
    const take = Math.min(perTurn, count - at);
    words.set(memory.subarray(out / 4, out / 4 + take), at);
  }
  return words;
}
