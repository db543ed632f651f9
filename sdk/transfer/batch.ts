/**
 * Silent correlated oblivious transfer (Boyle et al. 2019), receiver first.
 *
 * The receiver draws one place a tree; its choices in earlier transfers are the paths
 * to these places. Only then the sender draws Delta and the trees. Nothing that the
 * receiver sends is checked, so no refusal can tell of Delta, and whatever it sends it
 * has some places and no more.
 *
 * Leaves: the sender's v, the receiver's w = v + e Delta, e with one 1 a tree. Both
 * through the code: the sender's rows Q, the receiver's T = Q + u Delta. The lowest bit
 * of every v is 0 and Delta's is 1, so u is the lowest bit of T. A receiver sets the
 * lowest bit of its own leaf itself: a sender that could would choose u.
 *
 * @module
 */
import type { GateKernel } from "../garbling/gate_kernel.ts";
import type { RandomSource } from "../support/random.ts";
import type { BatchShape } from "./batch_shape.ts";
import type { BlockCode } from "./code.ts";
import {
  growAll,
  growPunctured,
  laneOf,
  type LevelSums,
  nodeWordsOf,
  sideAt,
  totalOf,
} from "./trees.ts";

/** What only the sender knows of a batch. */
export interface BatchSecrets {
  /** Four words, the lowest bit 1. */
  delta: Uint32Array;
  /** A label a tree, as a node lies. */
  roots: Uint32Array;
}

/** The keys of one earlier transfer, four words each. */
export type KeyPair = readonly [Uint32Array, Uint32Array];

/** Words of the sender's message: two sums a tree and level, then a correction a tree. */
export const messageWords = ({ bases, trees }: BatchShape): number =>
  8 * bases + 4 * trees;

/**
 * The sender's message.
 *
 * @param keys both of each earlier transfer: number tree * levels + level
 */
export function batchMessage(
  kernel: GateKernel,
  { delta, roots }: BatchSecrets,
  { shape, salt, keys }: {
    shape: BatchShape;
    salt: Uint32Array;
    keys: readonly KeyPair[];
  },
): Uint32Array {
  const { trees, levels, bases } = shape;
  const grown = growAll(kernel, roots, shape, salt);
  const total = totalOf(grown.leaves, shape);
  const message = new Uint32Array(messageWords(shape));
  for (let tree = 0; tree < trees; tree++) {
    const lane = laneOf(tree);
    for (let level = 0; level < levels; level++) {
      const base = tree * levels + level;
      for (const side of [0, 1] as const) {
        for (let w = 0; w < 4; w++) {
          message[8 * base + 4 * side + w] =
            grown.sums[level][side][lane + 4 * w] ^ keys[base][side][w];
        }
      }
    }
    const at = 8 * bases + 4 * tree;
    for (let w = 0; w < 4; w++) {
      message[at + w] = total[lane + 4 * w] ^ delta[w];
    }
  }
  return message;
}

/** The sender's rows Q, four words each. */
export function senderRows(
  kernel: GateKernel,
  code: BlockCode,
  { roots }: Pick<BatchSecrets, "roots">,
  { shape, salt }: { shape: BatchShape; salt: Uint32Array },
): Uint32Array {
  return code.encode(growAll(kernel, roots, shape, salt).leaves);
}

/** One place a tree, uniform. */
export function drawPlaces(
  { trees, leaves }: BatchShape,
  random: RandomSource,
): Uint32Array {
  const words = new Uint32Array(random(8 * trees).slice().buffer);
  // 64 bits for a number below 2^11: within 2^-53 of uniform.
  return Uint32Array.from({ length: trees }, (_, tree) => {
    const high = words[2 * tree] % leaves;
    return (high * (2 ** 32 % leaves) + words[2 * tree + 1]) % leaves;
  });
}

/** The receiver's choices in the earlier transfers. */
export function sidesOf(
  places: Uint32Array,
  { levels, bases }: BatchShape,
): Uint8Array {
  return Uint8Array.from(
    { length: bases },
    (_, i) => sideAt(places[Math.floor(i / levels)], i % levels, levels),
  );
}

/**
 * The receiver's rows T, four words each. Total: any message of the right size gives
 * rows whose lowest bits are {@linkcode choiceBits}.
 *
 * @param keys the chosen one of each earlier transfer
 */
export function receiverRows(
  kernel: GateKernel,
  code: BlockCode,
  places: Uint32Array,
  { shape, salt, keys, message }: {
    shape: BatchShape;
    salt: Uint32Array;
    keys: readonly Uint32Array[];
    message: Uint32Array;
  },
): Uint32Array {
  const { trees, bases } = shape, nodeWords = nodeWordsOf(shape);
  const sums = openSums(message, shape, keys);
  const grown = growPunctured(kernel, places, sums, { shape, salt });
  const total = totalOf(grown, shape);
  for (let tree = 0; tree < trees; tree++) {
    const lane = laneOf(tree), leaf = places[tree] * nodeWords + lane;
    const correction = 8 * bases + 4 * tree;
    for (let w = 0; w < 4; w++) {
      grown[leaf + 4 * w] ^= total[lane + 4 * w] ^ message[correction + w];
    }
    grown[leaf] |= 1;
  }
  return code.encode(grown);
}

/** Sums under the keys that the receiver has; those of the other sides stay masked. */
function openSums(
  message: Uint32Array,
  shape: BatchShape,
  keys: readonly Uint32Array[],
): LevelSums[] {
  const { trees, levels } = shape, nodeWords = nodeWordsOf(shape);
  return Array.from({ length: levels }, (_, level) => {
    const sums: LevelSums = [
      new Uint32Array(nodeWords),
      new Uint32Array(nodeWords),
    ];
    for (let tree = 0; tree < trees; tree++) {
      const lane = laneOf(tree), base = tree * levels + level;
      for (const side of [0, 1] as const) {
        for (let w = 0; w < 4; w++) {
          sums[side][lane + 4 * w] = message[8 * base + 4 * side + w] ^
            keys[base][w];
        }
      }
    }
    return sums;
  });
}

/** The receiver's random choices u, from its own places alone, before anything arrives. */
export function choiceBits(
  code: BlockCode,
  places: Uint32Array,
  shape: BatchShape,
): Uint8Array {
  const nodeWords = nodeWordsOf(shape);
  const noise = new Uint32Array(shape.leaves * nodeWords);
  places.forEach((place, tree) => {
    noise[place * nodeWords + laneOf(tree)] = 1;
  });
  const rows = code.encode(noise);
  return Uint8Array.from(
    { length: rows.length / 4 },
    (_, i) => rows[4 * i] & 1,
  );
}
