import { bigIntFromBytes } from "../../../sdk/paillier/public/big_integer.ts";
import { modPower, modulo } from "../../../sdk/paillier/public/modular.ts";
import type { RandomSource } from "../../../sdk/support/random.ts";
import type { PackedAnswer } from "../arithmetic/answers.ts";
import { uniformBelow } from "./seed.ts";

/**
 * Adds R * (sum of all inputs - 1 in every sample's slot) to an answer, R uniform
 * modulo N: nothing for selectors of sum 1, and for others (unless the difference
 * shares a prime with N) a uniform number that hides the answer.
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
