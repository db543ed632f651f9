/**
 * Bases whose powers reach the N-th residues modulo the square of each prime.
 *
 * @module
 */
import type { RandomSource } from "../../support/random.ts";
import { modPower } from "../public/modular.ts";
import type { Pacer } from "../../support/pacing.ts";
import { randomUnit } from "../public/random_integer.ts";
import { SmallPrimes } from "../public/small_primes.ts";

/** Factors of p - 1 below this are made to count. */
const smoothness = 1 << 20;

/**
 * Bases of the encryption tables, one for each prime p: each h = x^p mod p^2 generates
 * (but for factors above 2^20, which nobody can see) the N-th residues modulo p^2,
 * a cyclic group of order p - 1.
 */
export async function residueBases(
  primes: readonly bigint[],
  random: RandomSource,
  pacer: Pacer,
): Promise<bigint[]> {
  const smallPrimes = new SmallPrimes(smoothness);
  const bases: bigint[] = [];
  for (const p of primes) {
    if (pacer.due()) await pacer.pause();
    bases.push(modPower(generator(p, smallPrimes, random), p, p * p));
  }
  return bases;
}

/**
 * x with x^((p-1)/l) != 1 (mod p) for every prime l < 2^20 that divides p - 1. A
 * random x fails that two times in three, and its powers then miss a part of the
 * group, which shows: half of them if x is a square.
 */
function generator(
  p: bigint,
  smallPrimes: SmallPrimes,
  random: RandomSource,
): bigint {
  const cofactors = [...smallPrimes.divisorsOf(p - 1n)]
    .map((divisor) => (p - 1n) / BigInt(divisor));
  for (;;) {
    const x = randomUnit(p, random);
    if (cofactors.every((cofactor) => modPower(x, cofactor, p) !== 1n)) {
      return x;
    }
  }
}
