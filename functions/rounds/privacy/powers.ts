/**
 * Operations on single ciphertexts that guards need, few for each request.
 *
 * @module
 */
import { CipherlayerError } from "../../../sdk/support/errors.ts";
import {
  bigIntFromBytes,
  bytesFromBigInt,
} from "../../../sdk/paillier/public/big_integer.ts";
import {
  gcd,
  modInverse,
  modPower,
} from "../../../sdk/paillier/public/modular.ts";
import type { PackedAnswer } from "../arithmetic/answers.ts";

/** Answers whose plaintexts are `factors` times as large. */
export function multiplyPlaintexts(
  answers: readonly PackedAnswer[],
  factors: readonly number[],
  modulus: bigint,
): PackedAnswer[] {
  const square = modulus * modulus;
  const values = answers.map(([a, b]) => a + b * modulus);
  const negative = values.filter((_, i) => factors[i] < 0);
  const inverses = invertAll(negative, square).values();
  return values.map((value, i) => {
    const base = factors[i] < 0 ? inverses.next().value! : value;
    const power = modPower(base, BigInt(Math.abs(factors[i])), square);
    return [power % modulus, power / modulus];
  });
}

/**
 * Turns plaintext x of some ciphertexts into 1 - x.
 *
 * @param opposite which ones
 * @throws {CipherlayerError} `ciphertext-out-of-range` if one of them is no unit
 */
export function takeOpposites(
  ciphertexts: readonly Uint8Array[],
  opposite: readonly boolean[],
  modulus: bigint,
): Uint8Array[] {
  const square = modulus * modulus;
  const chosen = ciphertexts.filter((_, i) => opposite[i]).map(bigIntFromBytes);
  const inverses = invertAll(chosen, square).values();
  return ciphertexts.map((ciphertext, i) =>
    opposite[i]
      ? bytesFromBigInt(
        inverses.next().value! * (1n + modulus) % square,
        ciphertext.length,
      )
      : ciphertext
  );
}

/** Inverses, with one inversion (Montgomery's trick). */
function invertAll(values: readonly bigint[], square: bigint): bigint[] {
  if (values.length === 0) return [];
  const products = [values[0]];
  for (const value of values.slice(1)) {
    products.push(products[products.length - 1] * value % square);
  }
  const whole = products[products.length - 1];
  if (gcd(whole, square) !== 1n) {
    throw new CipherlayerError(
      "ciphertext-out-of-range",
      "Cannot evaluate round: expected ciphertexts prime to N, got one that is not",
    );
  }
  let inverse = modInverse(whole, square);
  const inverses = new Array<bigint>(values.length);
  for (let i = values.length - 1; i > 0; i--) {
    inverses[i] = inverse * products[i - 1] % square;
    inverse = inverse * values[i] % square;
  }
  inverses[0] = inverse;
  return inverses;
}
