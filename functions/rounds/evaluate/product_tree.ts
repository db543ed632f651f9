/**
 * Inverts many residues with one inversion.
 *
 * @module
 */
import { modInverse, modulo } from "../../../sdk/paillier/public/modular.ts";
import type { ProductProgram } from "../arithmetic/product_program.ts";

/** Nodes handled between two yields. */
const nodesPerYield = 512;

/**
 * Products of registers as a binary tree in heap order: node i is the product of
 * nodes 2i and 2i+1; the n leaves are nodes n .. 2n-1. Nodes of a level do not
 * depend on each other, so both lanes stay busy.
 *
 * With it n registers are inverted by one inversion (Montgomery's trick): the
 * inverse of a child is its parent's inverse times its sibling.
 */
export class ProductTree {
  /**
   * @param leaves n registers, all different
   * @param scratch n-1 registers from here on belong to the tree
   */
  constructor(
    readonly program: ProductProgram,
    readonly leaves: ArrayLike<number>,
    readonly scratch: number,
  ) {}

  /** Multiplies all leaves; returns the product in [0, N^2). Leaves stay. */
  *multiply(): Generator<void, bigint> {
    const { program, leaves: { length } } = this;
    const { arithmetic } = program;
    for (let i = length - 1; i > 0; i--) {
      program.multiply(this.#node(i), this.#node(2 * i), this.#node(2 * i + 1));
      if (i % nodesPerYield === 0) yield;
    }
    program.flush();
    const [a, b] = arithmetic.storePair(this.#node(1), 0);
    return a + b * arithmetic.moduli[0];
  }

  /**
   * Writes the inverses of the leaves to `targets`: the leaves themselves, or
   * registers apart.
   *
   * @param rootInverse inverse of what `multiply` returned, modulo N^2
   */
  *invert(
    rootInverse: bigint,
    targets: ArrayLike<number>,
  ): Generator<void, void> {
    const { program, leaves: { length } } = this;
    const target = (i: number) =>
      i < length ? this.#node(i) : targets[i - length];
    const [n] = program.arithmetic.moduli;
    program.arithmetic.loadPair(target(1), 0, rootInverse % n, rootInverse / n);
    for (let i = 1; i < length; i++) {
      const left = 2 * i, right = 2 * i + 1, inverse = this.#node(i);
      program.multiplyBoth(
        target(left),
        inverse,
        this.#node(right),
        target(right),
        inverse,
        this.#node(left),
      );
      if (i % nodesPerYield === 0) yield;
    }
  }

  #node(i: number): number {
    const { length } = this.leaves;
    return i < length ? this.scratch + i - 1 : this.leaves[i - length];
  }
}

/**
 * Inverse of `value` modulo N^2, lifted from modulo N by one Newton step.
 *
 * @throws {RangeError} if value and N share a factor
 */
export function invertModuloSquare(value: bigint, n: bigint): bigint {
  const inverse = modInverse(value % n, n);
  return modulo(inverse * (2n - value * inverse), n * n);
}
