/**
 * Factors a modulus whose Carmichael exponent is known, for keys stored without their
 * primes.
 *
 * @module
 */
import { platformRandom, type RandomSource } from "../../support/random.ts";
import { gcd, modPower } from "../public/modular.ts";
import { randomUnit } from "../public/random_integer.ts";

/** Each attempt fails for at most half of all bases. */
const attempts = 64;

/**
 * The two prime factors of `modulus`, larger first, from a multiple of the order
 * of its units, such as lcm(p-1, q-1) or (p-1)(q-1): the powers of a random number
 * lead to a square root of 1 other than 1 and -1 (Miller 1976).
 *
 * @returns null if `multiple` is no such number
 */
export function factorModulus(
  modulus: bigint,
  multiple: bigint,
  random: RandomSource = platformRandom,
): [bigint, bigint] | null {
  if (multiple < 2n || modulus < 15n || (modulus & 1n) === 0n) return null;
  let odd = multiple;
  while ((odd & 1n) === 0n) odd >>= 1n;
  for (let attempt = 0; attempt < attempts; attempt++) {
    let root = modPower(randomUnit(modulus, random), odd, modulus);
    for (let exponent = odd; exponent < multiple; exponent *= 2n) {
      const square = root * root % modulus;
      if (square === 1n && root !== 1n && root !== modulus - 1n) {
        const factor = gcd(root - 1n, modulus), other = modulus / factor;
        return factor > other ? [factor, other] : [other, factor];
      }
      root = square;
    }
    if (root !== 1n) return null;
  }
  return null;
}
