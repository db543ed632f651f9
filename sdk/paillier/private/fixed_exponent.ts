/**
 * Powers with one fixed exponent by sliding windows.
 *
 * @module
 */
import type { Arithmetic } from "../public/kernel.ts";
import { powerPlaces, slidingWindowSteps } from "../public/sliding_window.ts";

/** Registers that {@linkcode FixedExponent} takes, from 0 on. */
export const exponentRegisters = 2 * powerPlaces;

const result = powerPlaces - 1;

/**
 * Powers with a fixed exponent, of two bases at a time, by sliding windows. Both
 * lanes have the same modulus and exponent, so they keep step. The program is
 * built once and run for every two bases.
 *
 * Registers: the places of `slidingWindowSteps`, of both lanes side by side.
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
    this.#program = Uint32Array.from(
      slidingWindowSteps(exponent).flatMap((step) =>
        [0, 1].flatMap((lane) => step.map((place) => 2 * place + lane))
      ),
    );
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
      arithmetic.storePair(2 * result, 0),
      arithmetic.storePair(2 * result + 1, 1),
    ];
  }
}
