/**
 * How large a batch's noise is: dual LPN with regular noise, one place of noise in each
 * of `trees` runs of `leaves` blocks, and a code that makes `transfers` of the blocks.
 *
 * Trees are as many as keep every linear test's bias below 2^-128, if the code is as
 * good as all but 2^-40 of random ones: the first moment over codes of the product of a
 * test's biases in the runs, where a test may also use that every run holds one place
 * (`tests/transfer/noise_test.ts` computes it). A code of lower rate needs fewer trees,
 * and with them fewer earlier transfers and bytes, but more blocks to work through:
 * it serves small batches.
 *
 * @module
 */
import { CipherlayerError } from "../support/errors.ts";

/** Sizes of one batch. */
export interface BatchShape {
  /** Places of noise: one tree each. A multiple of four. */
  trees: number;
  /** Blocks in a tree's run. */
  leaves: number;
  /** Levels of a tree below its root. */
  levels: number;
  /** All leaves. */
  blocks: number;
  /** Transfers that it starts from: one a tree and level. */
  bases: number;
  /** Transfers that it gives. */
  transfers: number;
}

/** Noise for codes that make one transfer of `blocksPerTransfer` blocks. */
interface Noise {
  trees: number;
  blocksPerTransfer: number;
  minLeaves: number;
  maxLeaves: number;
}

const smallNoise: Noise = {
  trees: 112,
  blocksPerTransfer: 8,
  minLeaves: 32,
  maxLeaves: 1024,
};
const largeNoise: Noise = {
  trees: 384,
  blocksPerTransfer: 2,
  minLeaves: 64,
  maxLeaves: 2048,
};

const transfersOf = ({ trees, blocksPerTransfer }: Noise, leaves: number) =>
  trees * leaves / blocksPerTransfer;

/** Bounds what one message may ask for. */
export const maxTransfers = transfersOf(largeNoise, largeNoise.maxLeaves);

/**
 * The smallest batch of at least so many transfers.
 *
 * @throws {CipherlayerError} `malformed` unless it is a whole number from 1 to `maxTransfers`
 */
export function shapeOf(size: number): BatchShape {
  if (!(Number.isInteger(size) && size >= 1 && size <= maxTransfers)) {
    throw new CipherlayerError(
      "malformed",
      `Cannot make a batch: expected 1 to ${maxTransfers} transfers, got ${size}`,
    );
  }
  const isSmall = size <= transfersOf(smallNoise, smallNoise.maxLeaves);
  const noise = isSmall ? smallNoise : largeNoise;
  const { trees, blocksPerTransfer, minLeaves } = noise;
  const leaves = Math.max(
    minLeaves,
    Math.ceil(size * blocksPerTransfer / trees),
  );
  const levels = Math.ceil(Math.log2(leaves));
  return {
    trees,
    leaves,
    levels,
    blocks: trees * leaves,
    bases: trees * levels,
    transfers: transfersOf(noise, leaves),
  };
}
