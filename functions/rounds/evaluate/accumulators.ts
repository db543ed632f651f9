/**
 * Registers that hold the running products of a round's sums.
 *
 * @module
 */
import type { Strategy } from "../../../models/planner/strategy.ts";
import type { ProductProgram } from "../arithmetic/product_program.ts";

/** No register: the value is 1. */
export const identity = -1;

/**
 * The running products of a round: for each target (an output value, or a whole
 * answer), plane of digits and sign, one register; with buckets, one for each
 * |digit|. A register counts as 1 until it is first written.
 */
export class Accumulators {
  readonly #strategy: Strategy;
  readonly #classes: number;
  readonly #first: number;
  readonly #one: number;
  readonly #touched: Uint8Array;

  /** Registers in all, for so many targets. */
  static registers(strategy: Strategy, targets: number): number {
    const classes = strategy.buckets ? strategy.halfRange : 1;
    const spare = strategy.planes > 1 ? 4 * targets : 0;
    return targets * strategy.planes * 2 * classes + spare;
  }

  /**
   * @param firstRegister `Accumulators.registers(strategy, targets)` from here on are used
   * @param one register that holds 1
   */
  constructor(
    strategy: Strategy,
    readonly targets: number,
    firstRegister: number,
    one: number,
  ) {
    this.#strategy = strategy;
    this.#classes = strategy.buckets ? strategy.halfRange : 1;
    this.#first = firstRegister;
    this.#one = one;
    this.#touched = new Uint8Array(
      targets * strategy.planes * 2 * this.#classes,
    );
  }

  /** Multiplies the look-up `joint` of `plane`, which is in `register`, into a target. */
  multiply(
    program: ProductProgram,
    target: number,
    plane: number,
    joint: number,
    register: number,
  ): void {
    const negative = joint < 0 ? 1 : 0;
    const bucket = this.#classes === 1 ? 0 : Math.abs(joint) - 1;
    const at = ((target * this.#strategy.planes + plane) * 2 + negative) *
        this.#classes + bucket;
    const accumulator = this.#first + at;
    if (this.#touched[at] === 1) {
      program.multiply(accumulator, accumulator, register);
    } else {
      this.#touched[at] = 1;
      program.multiply(accumulator, this.#one, register);
    }
  }

  /**
   * Raises buckets and planes to their weights; returns the registers (or
   * `identity`) of each target's numerator and denominator: entries 2t and 2t+1.
   */
  *combine(program: ProductProgram): Generator<void, Int32Array> {
    const { planes, halfRange } = this.#strategy;
    const parts = 2 * this.targets;
    let values = new Int32Array(parts).fill(identity);
    for (let plane = planes - 1; plane >= 0; plane--) {
      if (plane < planes - 1) {
        this.#raise(program, values, 2 * halfRange + 1, plane % 2);
        yield;
      }
      const reduced = yield* this.#reduceBuckets(program, plane);
      values = values.map((value, part) => {
        if (value === identity) return reduced[part];
        if (reduced[part] === identity) return value;
        program.multiply(value, value, reduced[part]);
        return value;
      });
    }
    return values;
  }

  /**
   * Product of bucket_d^d by running products: running = product of the buckets
   * from d up, total = product of all the runnings.
   */
  *#reduceBuckets(
    program: ProductProgram,
    plane: number,
  ): Generator<void, Int32Array> {
    const parts = 2 * this.targets;
    const running = new Int32Array(parts).fill(identity);
    const total = new Int32Array(parts).fill(identity);
    for (let bucket = this.#classes - 1; bucket >= 0; bucket--) {
      for (let part = 0; part < parts; part++) {
        const at = this.#part(part, plane) * this.#classes + bucket;
        if (this.#touched[at] === 0) continue;
        const register = this.#first + at;
        // Into the bucket's own register: `total` may still be the old running.
        if (running[part] !== identity) {
          program.multiply(register, register, running[part]);
        }
        running[part] = register;
      }
      for (let part = 0; part < parts; part++) {
        const register = this.#first +
          this.#part(part, plane) * this.#classes + bucket;
        if (running[part] === identity) continue;
        if (total[part] === identity) total[part] = running[part];
        else if (total[part] !== running[part]) {
          program.multiply(total[part], total[part], running[part]);
        } else {
          // This bucket is empty, so its register is free.
          program.multiply(register, running[part], running[part]);
          total[part] = register;
        }
      }
      yield;
    }
    return total;
  }

  /**
   * values = values^exponent, exponent odd and > 1. The powers go to one of two
   * sets of spare registers, in turn: the values may be in the other.
   */
  #raise(
    program: ProductProgram,
    values: Int32Array,
    exponent: number,
    set: number,
  ): void {
    const spare = this.#first + this.#touched.length + set * values.length;
    const bits = exponent.toString(2).slice(1);
    const powers = values.slice();
    for (const bit of bits) {
      for (const [part, value] of values.entries()) {
        if (value === identity) continue;
        program.multiply(spare + part, powers[part], powers[part]);
        powers[part] = spare + part;
      }
      if (bit === "0") continue;
      for (const [part, value] of values.entries()) {
        if (value === identity) continue;
        program.multiply(spare + part, spare + part, value);
      }
    }
    values.set(powers);
  }

  #part(part: number, plane: number): number {
    return ((part >> 1) * this.#strategy.planes + plane) * 2 + (part & 1);
  }
}
