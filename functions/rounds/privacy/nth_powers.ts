/**
 * N-th powers modulo N squared on the kernel.
 *
 * @module
 */
import {
  powerPlaces,
  slidingWindowSteps,
} from "../../../sdk/paillier/public/sliding_window.ts";
import type { ProductProgram } from "../arithmetic/product_program.ts";

/** Products between two yields, for each base. */
const stepsPerYield = 8;

/** Registers that `nthPowers` uses as scratch, for so many bases. */
export function nthPowersScratch(bases: number): number {
  return bases * (powerPlaces - 1);
}

/** Registers that `nthPowers` works on. */
export interface PowerRegisters {
  /** The bases: `count` registers from here on. */
  first: number;
  count: number;
  /** `nthPowersScratch(count)` registers from here on. */
  scratch: number;
}

/**
 * Raises registers to the power N in place, all in step, by sliding windows: N is
 * known to all, and with two or more bases both lanes are busy. Yields often.
 */
export function* nthPowers(
  program: ProductProgram,
  { first, count, scratch }: PowerRegisters,
): Generator<void, void> {
  const register = (base: number, place: number) =>
    place === 0 ? first + base : scratch + base * (powerPlaces - 1) + place - 1;
  const steps = slidingWindowSteps(program.arithmetic.moduli[0]);
  for (const [i, [target, left, right]] of steps.entries()) {
    for (let base = 0; base < count; base++) {
      program.multiply(
        // The last product takes the base's place.
        register(base, i === steps.length - 1 ? 0 : target),
        register(base, left),
        register(base, right),
      );
    }
    if (i % stepsPerYield === 0) yield;
  }
}
