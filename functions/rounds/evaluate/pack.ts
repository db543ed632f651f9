/**
 * Packs sums of a dense round into fewer ciphertexts.
 *
 * @module
 */
import {
  blockSlots,
  foldOf,
  valuesInAnswer,
} from "../../../sdk/fixed_point/layout.ts";
import type { RoundLayout } from "../../../sdk/wire/plan.ts";
import type { AnswerRange } from "../arithmetic/answers.ts";
import { identity } from "./accumulators.ts";
import type { ProductProgram } from "../arithmetic/product_program.ts";

/** Bits from one sum of an answer to the next (`LinearMap`). */
export function strideBits(layout: RoundLayout): number {
  return blockSlots(layout) / foldOf(layout) * layout.slotBits;
}

/** Sums that an answer is packed from; the last answer may hold fewer. */
export function sumsPerAnswer(layout: RoundLayout): number {
  return layout.valuesPerCiphertext * foldOf(layout);
}

/**
 * Packs sums into answers by Horner's rule:
 * answer = product of sum_j^(2^(stride*j)). Yields after each squaring of all.
 *
 * @param sums registers (or `identity`) of the range's sums in the gateway's
 * order; the last of each answer that is not `identity` is overwritten
 * @returns for each answer its register, or `identity`
 */
export function* packSums(
  program: ProductProgram,
  layout: RoundLayout,
  range: AnswerRange,
  sums: Int32Array,
): Generator<void, Int32Array> {
  const stride = strideBits(layout);
  const perAnswer = sumsPerAnswer(layout);
  const packed = new Int32Array(range.to - range.from).fill(identity);
  for (let place = perAnswer - 1; place >= 0; place--) {
    for (let bit = 0; place < perAnswer - 1 && bit < stride; bit++) {
      for (const register of packed) {
        if (register !== identity) {
          program.multiply(register, register, register);
        }
      }
      yield;
    }
    for (let i = 0; i < packed.length; i++) {
      const held = valuesInAnswer(layout, range.from + i) * foldOf(layout);
      if (place >= held) continue;
      const sum = sums[i * perAnswer + place];
      if (sum === identity) continue;
      if (packed[i] === identity) packed[i] = sum;
      else program.multiply(packed[i], packed[i], sum);
    }
  }
  return packed;
}
