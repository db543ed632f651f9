/**
 * Primes below a bound, and trial division by all of them.
 *
 * @module
 */
/** The primes below `bound`, ascending (sieve of Eratosthenes). */
export function primesBelow(bound: number): number[] {
  const composite = new Uint8Array(bound);
  const primes: number[] = [];
  for (let n = 2; n < bound; n++) {
    if (composite[n]) continue;
    primes.push(n);
    for (let multiple = n * n; multiple < bound; multiple += n) {
      composite[multiple] = 1;
    }
  }
  return primes;
}

/**
 * Divides by many small primes at once: one long division for each group of
 * primes whose product is below 2^52, the rest in doubles.
 */
export class SmallPrimes {
  readonly #groups: { product: bigint; primes: number[] }[] = [];

  /** For the primes below `bound` (at most 2^26). */
  constructor(bound: number) {
    let product = 1, primes: number[] = [];
    for (const prime of [...primesBelow(bound), 2 ** 52]) {
      if (product * prime >= 2 ** 52) {
        this.#groups.push({ product: BigInt(product), primes });
        product = 1;
        primes = [];
      }
      product *= prime;
      primes.push(prime);
    }
  }

  /** Those that divide `value` > 0, ascending; lazily, so that the first is cheap. */
  *divisorsOf(value: bigint): Generator<number> {
    for (const { product, primes } of this.#groups) {
      const residue = Number(value % product);
      for (const prime of primes) if (residue % prime === 0) yield prime;
    }
  }

  /** Whether one of them divides `value` > 0 (itself included). */
  divideAny(value: bigint): boolean {
    return !this.divisorsOf(value).next().done;
  }
}
