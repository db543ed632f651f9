/**
 * Reads a request's ciphertexts, checks them, and brings them into the kernel.
 *
 * @module
 */
import { inputCiphertexts } from "../../../sdk/fixed_point/layout.ts";
import { bigIntFromBytes } from "../../../sdk/paillier/public/big_integer.ts";
import { gcd } from "../../../sdk/paillier/public/modular.ts";
import { CipherlayerError } from "../../../sdk/support/errors.ts";
import type { RoundLayout } from "../../../sdk/wire/plan.ts";
import { expandOrder, type Order } from "../arithmetic/order.ts";
import type { ProductProgram } from "../arithmetic/product_program.ts";

/** Ciphertexts brought in between two yields. */
const loadsPerYield = 64;

/**
 * For each place of the round's input, in the gateway's order (spatial: channel by
 * channel, offset by offset; dense: element by element), its place in the model's
 * order: the operand that it is, or where inputs are folded the column of the weights.
 *
 * @param orders for each input of the layout the order that its activation was
 * sent out in, or null for the model's own
 */
export function modelPlaces(
  layout: RoundLayout,
  orders: readonly (Order | null)[],
): Int32Array {
  const places: number[] = [];
  layout.inputs.forEach((input, i) => {
    const first = places.length;
    const [channels, positions] = "length" in input
      ? [input.length, 1]
      : [input.shape[0], input.offsets.length];
    const order = orders[i] && expandOrder(orders[i], channels);
    for (let place = 0; place < channels; place++) {
      const channel = order ? order[place] : place;
      for (let position = 0; position < positions; position++) {
        places.push(first + channel * positions + position);
      }
    }
  });
  return Int32Array.from(places);
}

/**
 * Splits a request's body into ciphertexts.
 *
 * @throws {CipherlayerError} `count-mismatch`; `ciphertext-out-of-range` unless
 * each is in (0, N^2)
 */
export function splitCiphertexts(
  bytes: Uint8Array,
  layout: RoundLayout,
  modulus: bigint,
  ciphertextBytes: number,
): Uint8Array[] {
  const expected = inputCiphertexts(layout);
  if (bytes.length !== expected * ciphertextBytes) {
    throw new CipherlayerError(
      "count-mismatch",
      `Cannot evaluate round: expected ${expected} ciphertexts of ${ciphertextBytes} bytes, got ${bytes.length} bytes`,
    );
  }
  const square = modulus * modulus;
  return Array.from({ length: expected }, (_, i) => {
    const ciphertext = bytes.subarray(
      i * ciphertextBytes,
      (i + 1) * ciphertextBytes,
    );
    const value = bigIntFromBytes(ciphertext);
    if (value === 0n || value >= square) {
      throw new CipherlayerError(
        "ciphertext-out-of-range",
        `Cannot evaluate round: expected ciphertext ${i} in (0, N^2), got ${
          value === 0n ? "0" : "a larger number"
        }`,
      );
    }
    return ciphertext;
  });
}

/**
 * Loads ciphertexts into operand registers.
 *
 * @param places for each ciphertext its operand
 * @param first register of operand 0
 */
export function* loadOperands(
  { arithmetic }: ProductProgram,
  ciphertexts: readonly Uint8Array[],
  places: ArrayLike<number>,
  first: number,
): Generator<void, void> {
  for (const [i, ciphertext] of ciphertexts.entries()) {
    arithmetic.load(first + places[i], 0, ciphertext);
    if (i % loadsPerYield === loadsPerYield - 1) yield;
  }
}

/**
 * Refuses a request whose ciphertexts are not all units modulo N: multiples of a
 * prime of N would reveal weights.
 *
 * @param product of all operands
 * @throws {CipherlayerError} `ciphertext-out-of-range`
 */
export function checkUnits(product: bigint, modulus: bigint): void {
  if (gcd(product % modulus, modulus) !== 1n) {
    throw new CipherlayerError(
      "ciphertext-out-of-range",
      "Cannot evaluate round: expected ciphertexts prime to N, got one that is not",
    );
  }
}
