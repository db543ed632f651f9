import { platformRandom, type RandomSource } from "../../support/random.ts";
import { gcd } from "../public/modular.ts";
import { Pacer } from "../../support/pacing.ts";
import { generatePrime } from "./primes.ts";
import { PrivateKey } from "./private_key.ts";

/** How a key is made. */
export interface KeyGenerationOptions {
  /** Source of the primes. */
  random?: RandomSource;
  /**
   * Permits moduli below 2048 bits, which are factored for the price of a meal
   * (512 bits) to that of a data centre: for tests and for comparing with older
   * papers only.
   */
  insecure?: boolean;
  /** Gives up the search. */
  signal?: AbortSignal;
}

/**
 * A fresh key: primes p, q of equal length, both 3 modulo 4, gcd(p-1, q-1) = 2,
 * N = pq of exactly `bits` bits. Takes a fraction of a second at 2048 bits.
 *
 * @param bits of N: even; 2048 (112-bit security), 3072 (128) or 4096
 * @throws {RangeError} on a length that is odd, above 8192, or below 2048
 * without `insecure`
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
  if (!Number.isInteger(bits / 2) || bits < 128 || bits > 8192) {
    throw new RangeError(
      `Cannot generate key: expected an even length of 128 to 8192 bits, got ${bits}`,
    );
  }
  if (bits < 2048 && !options.insecure) {
    throw new RangeError(
      `Cannot generate key: expected at least 2048 bits, got ${bits}, which ` +
        "can be factored (pass insecure: true for tests)",
    );
  }
  const { random = platformRandom, signal } = options;
  const pacer = new Pacer(signal);
  const p = await generatePrime(bits / 2, random, pacer);
  for (;;) {
    const q = await generatePrime(bits / 2, random, pacer);
    if (p !== q && gcd(p - 1n, q - 1n) === 2n) {
      return PrivateKey.fromPrimes(p, q);
    }
  }
}
