/**
 * Generates private keys.
 *
 * @module
 */
import { platformRandom, type RandomSource } from "../../support/random.ts";
import { Pacer } from "../../support/pacing.ts";
import { generatePrime } from "./primes.ts";
import { areSpecial, PrivateKey } from "./private_key.ts";

/**
 * How a key is made.
 *
 * @example
 * ```ts
 * import { generatePrivateKey, type KeyGenerationOptions } from "@cipherlayer/sdk";
 *
 * const options: KeyGenerationOptions = { signal: AbortSignal.timeout(60_000) };
 * const key = await generatePrivateKey(2048, options);
 * if (key.publicKey.modulusBits !== 2048) throw new Error("wrong length");
 * ```
 */
export interface KeyGenerationOptions {
  /**
   * How many prime factors N has. More are faster for the key's owner; those of the
   * default are as hard to find as N is to factor (SECURITY.md), more than that need
   * `insecure`. python-paillier reads keys of two alone.
   *
   * @default 2 below 2048 bits, 3 from there, 4 from 4096 bits
   */
  primes?: 2 | 3 | 4;
  /**
   * Source of the primes.
   *
   * @default the platform's cryptographic source
   */
  random?: RandomSource;
  /**
   * Permits moduli below 2048 bits, which are factored for the price of a meal
   * (512 bits) to that of a data centre: for tests and for comparing with older
   * papers only. And more primes than the default.
   *
   * @default false
   */
  insecure?: boolean;
  /** Gives up the search. */
  signal?: AbortSignal;
}

/** Shortest primes of a key, in bits: the shortest moduli that kernels compute with. */
const minPrimeBits = 200;

/**
 * A fresh key: two to four primes of equal length (or a bit less), all 3 modulo 4, two
 * less 1 without common factor but 2, N their product of exactly `bits` bits. Takes a
 * fraction of a second at 2048 bits.
 *
 * @param bits of N: even; 2048 (112-bit security), 3072 (128) or 4096
 * @throws {RangeError} on a length that is odd, above 8192, below 200 for each prime, or
 * below 2048 or with more primes than the default without `insecure`; on another number
 * of primes
 *
 * @example
 * ```ts
 * import { generatePrivateKey } from "@cipherlayer/sdk";
 *
 * const key = await generatePrivateKey(2048);
 * const ciphertext = key.publicKey.encrypt(7n);
 * if (key.decrypt(ciphertext) !== 7n) throw new Error("wrong plaintext");
 * ```
 */
export async function generatePrivateKey(
  bits = 2048,
  options: KeyGenerationOptions = {},
): Promise<PrivateKey> {
  const { primes: count = defaultPrimes(bits), signal } = options;
  if (![2, 3, 4].includes(count)) {
    throw new RangeError(
      `Cannot generate key: expected 2, 3 or 4 primes, got ${count}`,
    );
  }
  const minBits = count * minPrimeBits;
  if (!Number.isInteger(bits / 2) || bits < minBits || bits > 8192) {
    throw new RangeError(
      `Cannot generate key: expected an even length of ${minBits} to 8192 bits ` +
        `for ${count} primes, got ${bits}`,
    );
  }
  if (bits < 2048 && !options.insecure) {
    throw new RangeError(
      `Cannot generate key: expected at least 2048 bits, got ${bits}, which ` +
        "can be factored (pass insecure: true for tests)",
    );
  }
  if (count > defaultPrimes(bits) && !options.insecure) {
    throw new RangeError(
      `Cannot generate key: expected at most ${defaultPrimes(bits)} primes ` +
        `for ${bits} bits, got ${count}, short enough to be found one by one ` +
        "(pass insecure: true for tests)",
    );
  }
  const { random = platformRandom } = options;
  const pacer = new Pacer(signal);
  const primes: bigint[] = [];
  while (primes.length < count) {
    const length = Math.floor((bits + primes.length) / count);
    const prime = await generatePrime(length, { of: count, random, pacer });
    if (areSpecial([...primes, prime])) primes.push(prime);
  }
  return PrivateKey.fromPrimes(...primes);
}

/** How many primes a new key of this length has: the max that SECURITY.md permits. */
export function defaultPrimes(bits: number): 2 | 3 | 4 {
  return bits >= 4096 ? 4 : bits >= 2048 ? 3 : 2;
}
