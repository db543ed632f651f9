/**
 * Silent oblivious transfer written down from the papers, slowly: 128-bit blocks as big
 * integers, trees by recursion, ChaCha12 of another library. Shares no code with the
 * project but the numbers that define the protocol.
 *
 * @module
 */
import { chacha12 } from "@noble/ciphers/chacha.js";

export const weight = 21, memoryLength = 24;
const domains = { tree: 3, code: 4 };

/** Words 4 to 7 of the block, lowest first, as one integer. */
function hash(
  label: bigint,
  salt: bigint,
  [gate, lane, domain]: [number, number, number],
): bigint {
  const key = new Uint8Array(32);
  for (let i = 0; i < 16; i++) {
    key[i] = Number(label >> BigInt(8 * i) & 255n);
    key[16 + i] = Number(salt >> BigInt(8 * i) & 255n);
  }
  const nonce = new Uint8Array(12), view = new DataView(nonce.buffer);
  view.setUint32(0, lane, true);
  view.setUint32(4, domain, true);
  const block = chacha12(key, nonce, new Uint8Array(64), undefined, gate);
  return block.subarray(16, 32)
    .reduceRight((sum, byte) => sum << 8n | BigInt(byte), 0n);
}

/** Leaves of one tree below the root, from the left; none from `leaves` on. */
export function growTree(
  root: bigint,
  salt: bigint,
  { tree, trees, leaves }: { tree: number; trees: number; leaves: number },
): { leaves: bigint[]; sums: [bigint, bigint][] } {
  const levels = Math.ceil(Math.log2(leaves));
  let nodes = [root];
  const sums: [bigint, bigint][] = [];
  for (let level = 0; level < levels; level++) {
    const room = Math.ceil(leaves / 2 ** (levels - 1 - level));
    nodes = nodes.flatMap((node, n) =>
      [0, 1].map((side) =>
        hash(node, salt, [2 * level + side, n * trees + tree, domains.tree])
      )
    ).slice(0, room);
    const sum = (side: number) =>
      nodes.filter((_, n) => n % 2 === side).reduce((a, b) => a ^ b, 0n);
    sums.push([sum(0), sum(1)]);
  }
  return { leaves: nodes.map((leaf) => leaf >> 1n << 1n), sums };
}

/** Public word number `i` of a series. */
function publicWord(series: number, i: number): number {
  const turn = Math.floor(i / 16384), within = i % 16384;
  const lane = turn * 4096 + 4 * Math.floor(within / 16) + within % 4;
  const word = Math.floor(within % 16 / 4);
  return Number(
    hash(0n, 0n, [series, lane, domains.code]) >> BigInt(32 * word) &
      0xffffffffn,
  );
}

/** The expand-convolute code on blocks in order of leaves, then of trees. */
export function encode(
  blocks: readonly bigint[],
  transfers: number,
): bigint[] {
  const y: bigint[] = [];
  blocks.forEach((block, i) => {
    const coefficients = publicWord(0, i);
    let sum = block;
    for (let back = 1; back <= memoryLength; back++) {
      const taken = back === 1 ||
        (coefficients >>> (memoryLength - back) & 1) === 1;
      if (taken && i >= back) sum ^= y[i - back];
    }
    y.push(sum);
  });
  return Array.from({ length: transfers }, (_, output) => {
    let sum = 0n;
    for (let j = 0; j < weight; j++) {
      const word = BigInt(publicWord(1, output * weight + j));
      sum ^= y[Number(word * BigInt(blocks.length) >> 32n)];
    }
    return sum;
  });
}
