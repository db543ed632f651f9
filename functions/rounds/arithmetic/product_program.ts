/**
 * Collects products and runs them in batches on the kernel.
 *
 * @module
 */
import type { Arithmetic } from "../../../sdk/paillier/public/kernel.ts";

/** Steps (of two products) written before the kernel is called. */
const stepsPerRun = 2048;

/**
 * Writes products into programs of the kernel and runs them when full. Products
 * take effect as if one after another; since the kernel runs two of them side by
 * side, neighbours should not depend on each other (where they do, a product
 * without effect fills the lane).
 */
export class ProductProgram {
  readonly #words = new Uint32Array(6 * stepsPerRun);
  #at = 0;
  #written = 0;

  /**
   * @param arithmetic equal moduli: any register serves either lane
   * @param filler a register whose content nobody needs
   */
  constructor(readonly arithmetic: Arithmetic, readonly filler: number) {}

  /** Products written so far, fillers included. */
  get written(): number {
    return this.#written;
  }

  /** Register `target` = `left` * `right`. */
  multiply(target: number, left: number, right: number): void {
    const words = this.#words;
    if (this.#at % 6 === 3) {
      const before = words[this.#at - 3];
      if (left === before || right === before || target === before) {
        this.#push(this.filler, this.filler, this.filler);
      }
    }
    this.#push(target, left, right);
  }

  /** `target0` = `left0` * `right0` and `target1` = `left1` * `right1`, both reading before either writes. */
  multiplyBoth(
    target0: number,
    left0: number,
    right0: number,
    target1: number,
    left1: number,
    right1: number,
  ): void {
    if (this.#at % 6 === 3) this.#push(this.filler, this.filler, this.filler);
    this.#push(target0, left0, right0);
    this.#push(target1, left1, right1);
  }

  /** Runs what is written: registers then hold their values. */
  flush(): void {
    if (this.#at === 0) return;
    this.arithmetic.run(this.#words.subarray(0, this.#at));
    this.#at = 0;
  }

  #push(target: number, left: number, right: number): void {
    const words = this.#words, at = this.#at;
    words[at] = target;
    words[at + 1] = left;
    words[at + 2] = right;
    this.#at = at + 3;
    this.#written++;
    if (this.#at === words.length) this.flush();
  }
}
