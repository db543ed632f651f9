/**
 * How the bases of randomisers are cut into groups. The bases of one group are tabled
 * together, all products of their subsets: fewer groups take fewer products an answer
 * and more memory; the randomisers are the same.
 *
 * @module
 */

/** Bases [from, to), and the register of the product of the empty subset. */
export interface Group {
  from: number;
  to: number;
  table: number;
}

/** Entries of all tables together. */
const maxEntries = 1 << 16;

/** `count` groups as equal as can be, their tables one after another from `firstTable` on. */
export function cutBases(
  bases: number,
  count: number,
  firstTable: number,
): Group[] {
  let table = firstTable;
  return Array.from({ length: count }, (_, i) => {
    const from = Math.floor(i * bases / count);
    const to = Math.floor((i + 1) * bases / count);
    const group = { from, to, table };
    table += 1 << (to - from);
    return group;
  });
}

export function tableEntries(groups: readonly Group[]): number {
  return groups.reduce((sum, { from, to }) => sum + (1 << (to - from)), 0);
}

/** The number of groups that takes the fewest products, tables and all, if each group is looked up so often. */
export function cheapestCut(bases: number, lookUps: number): number {
  let best = bases, min = Infinity;
  for (let count = bases; count > 0; count--) {
    const entries = tableEntries(cutBases(bases, count, 0));
    if (entries > maxEntries) break;
    const products = entries + lookUps * count;
    if (products < min) [best, min] = [count, products];
  }
  return best;
}

/**
 * For each bit of the exponents and each group the subset of its bases: as many random
 * bits as there are bases, in the order of the bases.
 *
 * @param bytes a row of a bit for each base, for each bit of the exponents
 */
export function subsetRows(
  bytes: Uint8Array,
  bases: number,
  groups: readonly Group[],
): Uint32Array {
  const rowBytes = bases / 8;
  const subsets = new Uint32Array(bytes.length / rowBytes * groups.length);
  let index = 0;
  for (let row = 0; row < bytes.length; row += rowBytes) {
    for (const { from, to } of groups) {
      let bits = 0;
      for (let t = to - 1; t >= from; t--) {
        bits = 2 * bits + (bytes[row + (t >> 3)] >> (t & 7) & 1);
      }
      subsets[index++] = bits;
    }
  }
  return subsets;
}
