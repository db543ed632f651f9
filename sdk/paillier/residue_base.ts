import type { RandomSource } from "../random.ts";
import { modPower } from "./modular.ts";
import { randomUnit } from "./random_integer.ts";
import { SmallPrimes } from "./small_primes.ts";

/**
 * A number whose p-th power generates (but for factors above 2^20, which nobody
 * can see) the N-th residues modulo p^2, a cyclic group of order p - 1:
 * x with x^((p-1)/l) != 1 (mod p) for every prime l < 2^20 that divides p - 1. A
 * random x fails that two times in three, and its powers then miss a part of the
 * group, which shows: half of them if x is a square.
 *
 * @returns h = x^p mod p^2
 */
export function residueBase(p: bigint, random: RandomSource): bigint {
  const cofactors = [...new SmallPrimes(1 << 20).divisorsOf(p - 1n)]
    .map((divisor) => (p - 1n) / BigInt(divisor));
  for (;;) {
    const x = randomUnit(p, random);
    if (cofactors.every((cofactor) => modPower(x, cofactor, p) !== 1n)) {
      return modPower(x, p, p * p);
    }
  }
}
