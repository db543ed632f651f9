/**
 * Powers with one fixed exponent by sliding windows.
 *
 * @module
 */
import type { Arithmetic } from "../public/kernel.ts";

/** Widest window: 6 bits are best for exponents of 512 to 2,048 bits. */
const windowBits = 6;
const tableSize = 1 << (windowBits - 1);

/** Registers that {@linkcode FixedExponent} takes, from 0 on. */
export const exponentRegisters = 2 * tableSize + 2;

/**
 * Powers with a fixed exponent, of two bases at a time, by sliding windows. Both
 * lanes have the same modulus and exponent, so they keep step. The program is
 * built once and run for every two bases.
 *
 * Registers: base^1, base^3 .. base^63 of both lanes side by side, then the power.
 */
export class FixedExponent {
  readonly #arithmetic: Arithmetic;
  readonly #program: Uint32Array;

  /**
   * @param arithmetic of two equal moduli
   * @param exponent at least 64
   */
  constructor(arithmetic: Arithmetic, exponent: bigint) {
    this.#arithmetic = arithmetic;
    arithmetic.reserve(exponentRegisters);
    this.#program = slidingWindowProgram(exponent);
  }

  /** base^exponent = a + b*modulus for each base, given big-endian. */
  power(
    bases: readonly [Uint8Array, Uint8Array],
  ): [[a: bigint, b: bigint], [a: bigint, b: bigint]] {
    const arithmetic = this.#arithmetic;
    arithmetic.load(0, 0, bases[0]);
    arithmetic.load(1, 1, bases[1]);
    arithmetic.run(this.#program);
    return [
      arithmetic.storePair(2 * tableSize, 0),
      arithmetic.storePair(2 * tableSize + 1, 1),
    ];
  }
}

/** Places, each two registers: base^(2i+1) is at i, the power at `tableSize`. */
function slidingWindowProgram(exponent: bigint): Uint32Array {
  const program: number[] = [];
  const step = (target: number, left: number, right: number) => {
    for (const lane of [0, 1]) {
      program.push(2 * target + lane, 2 * left + lane, 2 * right + lane);
    }
  };
  const result = tableSize;
  step(result, 0, 0);
  for (let i = 1; i < tableSize; i++) step(i, i - 1, result);

  const bits = exponent.toString(2);
  // The leading window is squared straight out of the table.
  let power = -1;
  let at = 0;
  while (at < bits.length) {
    let end = at + 1;
    if (bits[at] === "1") {
      end = Math.min(at + windowBits, bits.length);
      while (bits[end - 1] === "0") end--;
    }
    const digit = parseInt(bits.slice(at, end), 2);
    if (power < 0) {
      power = digit >> 1;
    } else {
      for (let i = at; i < end; i++) {
        step(result, power, power);
        power = result;
      }
      if (digit > 0) step(result, power, digit >> 1);
    }
    at = end;
  }
  return Uint32Array.from(program);
}
