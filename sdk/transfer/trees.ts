/**
 * The trees of silent oblivious transfer (GGM): labels doubled level by level, and the
 * same with one path unknown.
 *
 * All trees side by side as lanes. A tree whose leaves are no power of two lacks the
 * nodes above them.
 *
 * @module
 */
import { setVectors } from "../garbling/garble.ts";
import { type GateKernel, heapAt, saltAt } from "../garbling/gate_kernel.ts";
import { domains } from "../garbling/hash.ts";
import type { BatchShape } from "./batch_shape.ts";

/** Words of one node in all trees. */
export const nodeWordsOf = ({ trees }: Pick<BatchShape, "trees">): number =>
  4 * trees;

/** Word 0 of a tree's label within a node; the others follow in steps of four. */
export const laneOf = (tree: number): number => 16 * (tree >> 2) + (tree & 3);

/** Sums of left and of right children, one node each. */
export type LevelSums = readonly [left: Uint32Array, right: Uint32Array];

/** Called with a level's nodes while they lie in the kernel's memory. */
type AtLevel = (level: number, nodes: Uint32Array) => void;

/**
 * Grows all trees and copies their leaves out, the lowest bit of each cleared.
 *
 * @param roots one label a tree
 * @param salt public, of this batch alone
 */
function grow(
  kernel: GateKernel,
  { roots, shape, salt, atLevel }: {
    roots: Uint32Array;
    shape: BatchShape;
    salt: Uint32Array;
    atLevel: AtLevel;
  },
): Uint32Array {
  const { trees, leaves, levels } = shape, groups = trees / 4;
  const nodeWords = nodeWordsOf(shape), nodeBytes = 4 * nodeWords;
  let from = heapAt, to = heapAt + nodeBytes * leaves;
  kernel.reserve(heapAt + 2 * nodeBytes * leaves);
  const { words } = kernel;
  setVectors(words, saltAt, salt);
  words.set(roots, from / 4);
  for (let level = 0; level < levels; level++) {
    const children = Math.ceil(leaves / 2 ** (levels - 1 - level));
    for (let child = 0; child < children; child++) {
      kernel.hash(
        from + (child >> 1) * nodeBytes,
        to + child * nodeBytes,
        groups,
        2 * level + (child & 1),
        (child >> 1) * trees,
        domains.tree,
      );
    }
    atLevel(level, words.subarray(to / 4, to / 4 + children * nodeWords));
    [from, to] = [to, from];
  }
  const grown = words.slice(from / 4, from / 4 + leaves * nodeWords);
  for (let i = 0; i < grown.length; i += 16) {
    for (let lane = 0; lane < 4; lane++) grown[i + lane] &= ~1;
  }
  return grown;
}

/** XOR of a level's left and of its right nodes. */
function sumsOf(nodes: Uint32Array, nodeWords: number): LevelSums {
  const sums = [
    new Uint32Array(nodeWords),
    new Uint32Array(nodeWords),
  ] as const;
  for (let node = 0; node * nodeWords < nodes.length; node++) {
    const sum = sums[node & 1], at = node * nodeWords;
    for (let i = 0; i < nodeWords; i++) sum[i] ^= nodes[at + i];
  }
  return sums;
}

/** XOR of all leaves of each tree. */
export function totalOf(leaves: Uint32Array, shape: BatchShape): Uint32Array {
  const [left, right] = sumsOf(leaves, nodeWordsOf(shape));
  return left.map((word, i) => word ^ right[i]);
}

/** All leaves, and the sums of each level. */
export function growAll(
  kernel: GateKernel,
  roots: Uint32Array,
  shape: BatchShape,
  salt: Uint32Array,
): { leaves: Uint32Array; sums: LevelSums[] } {
  const sums: LevelSums[] = [], nodeWords = nodeWordsOf(shape);
  const atLevel: AtLevel = (_, nodes) => sums.push(sumsOf(nodes, nodeWords));
  return { leaves: grow(kernel, { roots, shape, salt, atLevel }), sums };
}

/**
 * All leaves but those at `places`, which come out as something else.
 *
 * @param places one leaf a tree
 * @param sums of each level; only the sides that {@linkcode sideAt} names are read
 */
export function growPunctured(
  kernel: GateKernel,
  places: Uint32Array,
  sums: readonly LevelSums[],
  { shape, salt }: { shape: BatchShape; salt: Uint32Array },
): Uint32Array {
  const { trees, levels } = shape, nodeWords = nodeWordsOf(shape);
  const atLevel: AtLevel = (level, nodes) => {
    const found = sumsOf(nodes, nodeWords);
    for (let tree = 0; tree < trees; tree++) {
      const side = sideAt(places[tree], level, levels), lane = laneOf(tree);
      const sibling = (places[tree] >> (levels - 1 - level)) ^ 1;
      const at = sibling * nodeWords + lane;
      if (at >= nodes.length) continue;
      for (let w = 0; w < 16; w += 4) {
        nodes[at + w] ^= sums[level][side][lane + w] ^ found[side][lane + w];
      }
    }
  };
  const roots = new Uint32Array(nodeWords);
  return grow(kernel, { roots, shape, salt, atLevel });
}

/** The side of the node beside the path to `place`, below `level`. */
export const sideAt = (place: number, level: number, levels: number): 0 | 1 =>
  (1 - (place >> (levels - 1 - level) & 1)) as 0 | 1;
