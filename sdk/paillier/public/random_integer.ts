/**
 * Uniform big integers from a random source.
 *
 * @module
 */
import { platformRandom, type RandomSource } from "../../support/random.ts";
import { bigIntFromBytes, bitLength } from "./big_integer.ts";
import { gcd } from "./modular.ts";

/** Uniform in [0, 2^bits). */
export function randomBits(
  bits: number,
  random: RandomSource = platformRandom,
): bigint {
  const bytes = random(Math.ceil(bits / 8));
  return BigInt.asUintN(bits, bigIntFromBytes(bytes));
}

/** Uniform in [0, bound), by rejection. */
export function randomBelow(
  bound: bigint,
  random: RandomSource = platformRandom,
): bigint {
  const bits = bitLength(bound - 1n);
  for (;;) {
    const value = randomBits(bits, random);
    if (value < bound) return value;
  }
}

/** Uniform among the units modulo `modulus`. */
export function randomUnit(
  modulus: bigint,
  random: RandomSource = platformRandom,
): bigint {
  for (;;) {
    const value = randomBelow(modulus, random);
    if (gcd(value, modulus) === 1n) return value;
  }
}
