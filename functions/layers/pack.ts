import { blockSlots, valuesInAnswer } from "../../sdk/fixed_point/layout.ts";
import type { RoundLayout } from "../../sdk/wire/plan.ts";
import { identity } from "./accumulators.ts";
import type { ProductProgram } from "./product_program.ts";

/** Answers [from, to) of a round. */
export interface AnswerRange {
  from: number;
  to: number;
}

/** Bits from one value of an answer to the next. */
export function strideBits(layout: RoundLayout): number {
  return blockSlots(layout) * layout.slotBits;
}

/**
 * Packs values into answers by Horner's rule:
 * answer = product of value_j^(2^(stride*j)). Yields after each squaring of all.
 *
 * @param values registers (or `identity`) of the range's values in the edge's
 * order; the first of each answer's last value is overwritten
 * @returns for each answer its register, or `identity`
 */
export function* packValues(
  program: ProductProgram,
  layout: RoundLayout,
  range: AnswerRange,
  values: Int32Array,
): Generator<void, Int32Array> {
  const stride = strideBits(layout);
  const perAnswer = layout.valuesPerCiphertext;
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
      if (place >= valuesInAnswer(layout, range.from + i)) continue;
      const value = values[i * perAnswer + place];
      if (value === identity) continue;
      if (packed[i] === identity) packed[i] = value;
      else program.multiply(packed[i], packed[i], value);
    }
  }
  return packed;
}
