/**
 * Random primes and primality tests.
 *
 * @module
 */
import { platformRandom, type RandomSource } from "../../support/random.ts";
import { modPower } from "../public/modular.ts";
import type { Pacer } from "../../support/pacing.ts";
import { randomBelow, randomBits } from "../public/random_integer.ts";
import { SmallPrimes } from "../public/small_primes.ts";

const smallPrimes = new SmallPrimes(2000);

/**
 * Miller-Rabin with random bases after trial division. A composite passes with
 * probability below 4^-rounds no matter who chose it; a random one of 512 bits or more
 * with far less (Damgard, Landrock, Pomerance 1993).
 */
export function isProbablePrime(
  n: bigint,
  rounds = 32,
  random: RandomSource = platformRandom,
): boolean {
  if (n < 4_000_000n) {
    // Below 2000^2 trial division decides.
    const [divisor] = n > 1n ? smallPrimes.divisorsOf(n) : [];
    return n > 1n && (divisor === undefined || BigInt(divisor) === n);
  }
  if (smallPrimes.divideAny(n)) return false;
  let odd = n - 1n, twos = 0;
  while ((odd & 1n) === 0n) {
    odd >>= 1n;
    twos++;
  }
  for (let round = 0; round < rounds; round++) {
    const base = 2n + randomBelow(n - 3n, random);
    if (!passes(base)) return false;
  }
  return true;

  function passes(base: bigint): boolean {
    let power = modPower(base, odd, n);
    if (power === 1n || power === n - 1n) return true;
    for (let i = 1; i < twos; i++) {
      power = power * power % n;
      if (power === n - 1n) return true;
    }
    return false;
  }
}

/**
 * A prime of exactly `bits` bits, = 3 (mod 4), uniform among those of at least
 * 2^(bits - 1/of): the product of `of` such primes is as long as they are together.
 *
 * @param bits at least 32
 * @param options `of`: how many primes a key has
 */
export async function generatePrime(
  bits: number,
  { of, random, pacer }: { of: number; random: RandomSource; pacer: Pacer },
): Promise<bigint> {
  // Rounded up to its 32 leading bits.
  const min = BigInt(Math.ceil(2 ** (32 - 1 / of))) << BigInt(bits - 32);
  const frame = (1n << BigInt(bits - 1)) | 3n;
  for (;;) {
    if (pacer.due()) await pacer.pause();
    // A fresh candidate every time: no bias towards primes behind long gaps.
    const candidate = frame | randomBits(bits, random);
    if (candidate >= min && isProbablePrime(candidate, 12, random)) {
      return candidate;
    }
  }
}
