/** What the label round tells those who send other selectors than one-hot ones. */
import { equal, ok } from "node:assert/strict";
import { checkSelectors } from "../../../../functions/rounds/privacy/selector_check.ts";
import { bytesFromBigInt } from "../../../../sdk/paillier/public/big_integer.ts";
import type { PrivateKey } from "../../../../sdk/paillier/private/private_key.ts";
import { randomBelow } from "../../../../sdk/paillier/public/random_integer.ts";
import { platformRandom } from "../../../../sdk/support/random.ts";
import { multiPrimeKey, testKey } from "../../../vectors/keys.ts";

const keys = [testKey(512), multiPrimeKey(768), multiPrimeKey(1024)];
const usedBits = 8;
const value = 5n;

/**
 * Plaintext of an answer that holds `value` with a mask above it, as the functions mask
 * it, where the selector's elements have this sum.
 */
function answerTo(sum: bigint, by: PrivateKey, mask: bigint): bigint {
  const { modulus, ciphertextBytes } = by.publicKey;
  const square = modulus * modulus;
  const encrypted = (m: bigint) => (1n + m % modulus * modulus) % square;
  const answer = encrypted(value + (mask << BigInt(usedBits)));
  const [a, b] = checkSelectors(
    [answer % modulus, answer / modulus],
    [bytesFromBigInt(encrypted(sum), ciphertextBytes)],
    { modulus, slotBits: 8, samples: 1 },
    platformRandom,
  );
  return by.decrypt(a + b * modulus);
}

/** Uniform masks that leave the answer below N. */
function anyMask({ publicKey: { modulus } }: PrivateKey): bigint {
  return randomBelow((modulus >> BigInt(usedBits)) - 1n);
}

/** Products of some of the primes, but not of all and not of none. */
function divisors(primes: readonly bigint[]): bigint[] {
  const all = primes.reduce(
    (products, p) => [...products, ...products.map((x) => x * p)],
    [1n],
  );
  return all.slice(1, -1);
}

for (const key of keys) {
  const primes = key.exportPrimes(), { modulus } = key.publicKey;
  const name = `a key of ${primes.length} primes`;

  Deno.test(`${name}: a selector of sum 1 is answered, one of another sum gets uniform numbers`, () => {
    equal(answerTo(1n, key, 0n), value);
    for (const sum of [0n, 2n, modulus - 1n]) {
      const answers = Array.from({ length: 20 }, () => answerTo(sum, key, 0n));
      equal(new Set(answers).size, answers.length);
      // Uniform ones are this large but for one in 2^64.
      ok(answers.every((answer) => answer > modulus >> 64n));
    }
  });

  Deno.test(`${name}: a sum that is 1 modulo some primes tells the answer modulo these, where the mask hides it`, () => {
    for (const divisor of divisors(primes)) {
      const unmasked = answerTo(1n + divisor, key, 0n);
      equal(unmasked % divisor, value);
      ok(unmasked > modulus >> 64n);
      // Without the mask that is the value itself; with it, its used bits are any.
      const mask = anyMask(key);
      const whole = value + (mask << BigInt(usedBits));
      equal(answerTo(1n + divisor, key, mask) % divisor, whole % divisor);
      const seen = new Set(
        Array.from(
          { length: 64 },
          () =>
            answerTo(1n + divisor, key, anyMask(key)) % divisor &
            (1n << BigInt(usedBits)) - 1n,
        ),
      );
      ok(seen.size > 32, `${seen.size} of 64 low bits`);
    }
  });
}

Deno.test("a modulus with a small prime narrows the used bits to as many candidates, no fewer", () => {
  // N = f q, made by the gateway, with a proof that passes (key_proof_test.ts).
  const f = 65537n, [q] = keys[0].exportPrimes(), modulus = f * q;
  const candidates = (mask: bigint) => {
    const whole = value + (mask << BigInt(usedBits));
    // What the gateway knows: the answer modulo d = q, and that it is below N.
    const known = whole % q;
    return Array.from(
      { length: Number(f) },
      (_, j) => known + BigInt(j) * q & (1n << BigInt(usedBits)) - 1n,
    );
  };
  const mask = randomBelow((modulus >> BigInt(usedBits)) - 1n);
  const counts = new Map<bigint, number>();
  for (const bits of candidates(mask)) {
    counts.set(bits, (counts.get(bits) ?? 0) + 1);
  }
  // All 2^8 values stay possible, equally often but for one: nothing is told.
  equal(counts.size, 1 << usedBits);
  const often = [...counts.values()];
  ok(Math.max(...often) - Math.min(...often) <= 1);
});
