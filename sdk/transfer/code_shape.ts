/**
 * The code that silent oblivious transfer rests on, and its public numbers: an
 * expand-convolute code (Raghuraman, Rindal, Tanguy 2023).
 *
 * @module
 */
import { type GateKernel, heapAt, saltAt } from "../garbling/gate_kernel.ts";
import { domains } from "../garbling/hash.ts";
import type { BatchShape } from "./batch_shape.ts";

/** Blocks that a transfer adds up. */
export const weight = 21;
/** Blocks before it that a block takes up at random, and its predecessor always. */
export const memoryLength = 24;

/** The code's public numbers. */
export interface CodeNumbers {
  /** For each block, in its low bits, which of those before it are taken up. */
  coefficients: Uint32Array;
  /** For each transfer, one after another, the blocks that it adds up. */
  indices: Uint32Array;
}

/** Groups of four labels that are hashed at once. */
const groupsAtOnce = 1024;

export function codeNumbers(
  kernel: GateKernel,
  { blocks, transfers }: Pick<BatchShape, "blocks" | "transfers">,
): CodeNumbers {
  const picks = weight * transfers;
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
