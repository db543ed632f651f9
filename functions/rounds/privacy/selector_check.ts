/**
 * Makes answers to selectors that are not one-hot useless.
 *
 * @module
 */
import { bigIntFromBytes } from "../../../sdk/paillier/public/big_integer.ts";
import { modPower, modulo } from "../../../sdk/paillier/public/modular.ts";
import type { RandomSource } from "../../../sdk/support/random.ts";
import type { PackedAnswer } from "../arithmetic/answers.ts";
import { uniformBelow } from "./seed.ts";

/**
 * Adds R * (sum of all inputs - 1 in every sample's slot) to an answer, R uniform
 * modulo N: nothing for selectors of sum 1, and for others a number that hides the
 * answer.
 *
 * How well depends on d = gcd(sum - 1, N). R (sum - 1) is uniform among the multiples of
 * d modulo N: the answer is hidden modulo N / d and known modulo d. It is U used bits with
 * a mask above them that is uniform up to N, so that what is known modulo d is within
 * 2^U d / N of independent of the used bits. d < N is a product of some of N's primes,
 * so that the bound is 2^U over the smallest prime at worst, however many primes there
 * are: a key of three primes of 683 bits, and a sum that is 1 modulo two of them, gives
 * 2^(U - 681). A gateway that made its N with a small prime f may choose d = N / f: then
 * the used bits are one of f candidates (SECURITY.md).
 */
export function checkSelectors(
  answer: PackedAnswer,
  ciphertexts: readonly Uint8Array[],
  { modulus, slotBits, samples }: {
    modulus: bigint;
    slotBits: number;
    samples: number;
  },
  random: RandomSource,
): PackedAnswer {
  const square = modulus * modulus;
  const sum = ciphertexts.reduce(
    (product, ciphertext) => product * bigIntFromBytes(ciphertext) % square,
    1n,
  );
  let ones = 0n;
  for (let sample = 0; sample < samples; sample++) {
    ones |= 1n << BigInt(sample * slotBits);
  }
  const surplus = sum * modulo(1n - ones * modulus, square) % square;
  const factor = uniformBelow(modulus, random);
  const [a, b] = answer;
  const checked = (a + b * modulus) * modPower(surplus, factor, square) %
    square;
  return [checked % modulus, checked / modulus];
}
