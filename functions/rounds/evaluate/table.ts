/**
 * Tables of products of a few operands' powers.
 *
 * @module
 */
import type { ProductProgram } from "../arithmetic/product_program.ts";
import {
  type Strategy,
  tableEntries,
} from "../../../models/planner/strategy.ts";

/**
 * Table of products of a few operands' powers, filled only where it is looked up.
 *
 * With base B = 2*halfRange + 1, T[J] = product of operand_i^(d_i) for the
 * balanced digits d_i of J > 0 (lowest digit first). The leading digit is then
 * positive, so only the operands below it are needed inverted.
 * T[d*B^i] = operand_i^d comes from two powers of half the size; any other T[J] is
 * T[J without its lowest digit] times a power of that digit's operand: one
 * product an entry.
 */
export class JointTable {
  readonly #strategy: Strategy;
  readonly #base: number;
  readonly #first: number;
  /** For J: 0 not wanted, 1 wanted. */
  readonly #wanted: Uint8Array;
  /** For (i, d): whether operand_i^-d is wanted. */
  readonly #wantedInverse: Uint8Array;
  /** Register of T[J]. */
  readonly #registers: Int32Array;

  /** Registers that the table occupies. */
  static registers(strategy: Strategy): number {
    return tableEntries(strategy) + strategy.groupSize * strategy.halfRange;
  }

  /** @param firstRegister `JointTable.registers(strategy)` from here on are used */
  constructor(strategy: Strategy, firstRegister: number) {
    const entries = tableEntries(strategy);
    this.#strategy = strategy;
    this.#base = 2 * strategy.halfRange + 1;
    this.#first = firstRegister;
    this.#wanted = new Uint8Array(entries + 1);
    this.#wantedInverse = new Uint8Array(
      strategy.groupSize * (strategy.halfRange + 1),
    );
    this.#registers = Int32Array.from(
      { length: entries + 1 },
      (_, j) => firstRegister + j - 1,
    );
  }

  /** Forgets all wishes. */
  clear(): void {
    this.#wanted.fill(0);
    this.#wantedInverse.fill(0);
  }

  /** Wishes for entry |J|. */
  want(joint: number): void {
    this.#wanted[joint < 0 ? -joint : joint] = 1;
  }

  /** Register of entry |J|, after `build`. */
  register(joint: number): number {
    return this.#registers[joint < 0 ? -joint : joint];
  }

  /** Adds what the wishes need; returns how many products `build` will take. */
  close(): number {
    const wanted = this.#wanted;
    let products = 0;
    // Entries with a lower digit first; they lean on entries without it.
    for (
      let i = 0, place = 1;
      place < wanted.length;
      i++, place *= this.#base
    ) {
      for (let j = place; j < wanted.length; j += place) {
        if (wanted[j] === 0) continue;
        const digit = this.#lowDigit(j, place);
        if (digit === 0 || digit * place === j) continue;
        wanted[j - digit * place] = 1;
        if (digit > 0) wanted[digit * place] = 1;
        else this.#wantedInverse[this.#inverseAt(i, -digit)] = 1;
        products++;
      }
    }
    for (
      let i = 0, place = 1;
      place < wanted.length;
      i++, place *= this.#base
    ) {
      for (let d = this.#strategy.halfRange; d > 1; d--) {
        if (wanted[d * place]) {
          wanted[(d >> 1) * place] = wanted[(d - (d >> 1)) * place] = 1;
          products++;
        }
        if (this.#wantedInverse[this.#inverseAt(i, d)]) {
          this.#wantedInverse[this.#inverseAt(i, d >> 1)] = 1;
          this.#wantedInverse[this.#inverseAt(i, d - (d >> 1))] = 1;
          products++;
        }
      }
    }
    return products;
  }

  /**
   * Computes what was wished for; call `close` before.
   *
   * @param operands registers, lowest digit first, at most groupSize
   * @param inverses registers of their inverses; not read for groupSize 1
   */
  build(
    program: ProductProgram,
    operands: readonly number[],
    inverses: readonly number[],
  ): void {
    const { halfRange } = this.#strategy;
    const wanted = this.#wanted, registers = this.#registers;
    operands.forEach((operand, i) => registers[this.#base ** i] = operand);
    for (let d = 2; d <= halfRange; d++) {
      for (let i = 0, place = 1; i < operands.length; i++) {
        if (wanted[d * place]) {
          program.multiply(
            registers[d * place],
            registers[(d >> 1) * place],
            registers[(d - (d >> 1)) * place],
          );
        }
        if (this.#wantedInverse[this.#inverseAt(i, d)]) {
          program.multiply(
            this.#inverse(i, d, inverses),
            this.#inverse(i, d >> 1, inverses),
            this.#inverse(i, d - (d >> 1), inverses),
          );
        }
        place *= this.#base;
      }
    }
    // From the leading digit down: an entry leans on one with fewer digits.
    for (let i = operands.length - 2; i >= 0; i--) {
      const place = this.#base ** i;
      for (let j = place; j < wanted.length; j += place) {
        if (wanted[j] === 0) continue;
        const digit = this.#lowDigit(j, place);
        if (digit === 0 || digit * place === j) continue;
        program.multiply(
          registers[j],
          registers[j - digit * place],
          digit > 0
            ? registers[digit * place]
            : this.#inverse(i, -digit, inverses),
        );
      }
    }
  }

  /** The balanced digit of j at `place`, for j a multiple of `place`. */
  #lowDigit(j: number, place: number): number {
    const { halfRange } = this.#strategy;
    return (j / place + halfRange) % this.#base - halfRange;
  }

  #inverseAt(i: number, digit: number): number {
    return i * (this.#strategy.halfRange + 1) + digit;
  }

  #inverse(i: number, digit: number, inverses: readonly number[]): number {
    return digit === 1
      ? inverses[i]
      : this.#first + this.#wanted.length - 2 + i * this.#strategy.halfRange +
        digit;
  }
}
