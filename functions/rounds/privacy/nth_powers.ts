/**
 * N-th powers modulo N squared on the kernel.
 *
 * @module
 */
import type { ProductProgram } from "../arithmetic/product_program.ts";

const windowBits = 5;

/** Registers that `nthPowers` uses as scratch, for so many bases. */
export function nthPowersScratch(bases: number): number {
  return bases << windowBits;
}

/** Registers that `nthPowers` works on. */
export interface PowerRegisters {
  /** The bases: `count` registers from here on. */
  first: number;
  count: number;
  /** Holds 1. */
  one: number;
  /** `nthPowersScratch(count)` registers from here on. */
  scratch: number;
}

/**
 * Raises registers to the power N in place, all in step, by fixed windows of 5
 * bits: with two or more bases both lanes are busy. Yields between windows.
 */
export function* nthPowers(
  program: ProductProgram,
  { first, count, one, scratch }: PowerRegisters,
): Generator<void, void> {
  const power = (base: number, digit: number) =>
    digit === 0
      ? one
      : digit === 1
      ? first + base
      : scratch + (base << windowBits) + digit;
  for (let digit = 2; digit < 1 << windowBits; digit++) {
    for (let base = 0; base < count; base++) {
      const half = digit >> 1;
      program.multiply(
        power(base, digit),
        power(base, half),
        power(base, digit - half),
      );
    }
    yield;
  }
  const digits = windows(program.arithmetic.moduli[0]);
  // Digit 0 of the scratch is free: the running powers.
  const running = (base: number) => scratch + (base << windowBits);
  for (const [i, digit] of digits.entries()) {
    for (let square = 0; i > 0 && square < windowBits; square++) {
      for (let base = 0; base < count; base++) {
        program.multiply(running(base), running(base), running(base));
      }
    }
    for (let base = 0; base < count; base++) {
      program.multiply(
        running(base),
        i === 0 ? one : running(base),
        power(base, digit),
      );
    }
    yield;
  }
  for (let base = 0; base < count; base++) {
    program.multiply(first + base, one, running(base));
  }
}

/** Digits of `exponent`, most significant first. */
function windows(exponent: bigint): number[] {
  const digits: number[] = [];
  const mask = (1n << BigInt(windowBits)) - 1n;
  for (let rest = exponent; rest > 0n; rest >>= BigInt(windowBits)) {
    digits.push(Number(rest & mask));
  }
  return digits.reverse();
}
