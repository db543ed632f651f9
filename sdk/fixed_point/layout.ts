/**
 * Counts that follow from a round's layout: slots, values and ciphertexts.
 *
 * @module
 */
import { sum } from "../support/numbers.ts";
import type { RoundLayout } from "../wire/plan.ts";

/**
 * Bits kept free above the used ones: 2 for the sign-free range below N, 64 for
 * the cloud's mask to be statistically uniform.
 */
export const headroomBits = 66;

/** Ciphertexts that a round takes. */
export function inputCiphertexts(layout: RoundLayout): number {
  if (layout.kind === "dense") {
    const length = sum(layout.inputs.map((input) => input.length));
    return Math.ceil(length / layout.fold);
  }
  return sum(
    layout.inputs.map(({ shape, offsets }) => shape[0] * offsets.length),
  );
}

/** Values (blocks of slots) that a round gives, over all its answers. */
export function outputValues(layout: RoundLayout): number {
  return layout.kind === "dense"
    ? layout.outputLength
    : layout.output[0] * layout.tile[0] * layout.tile[1];
}

/** Ciphertexts that a round gives. */
export function answerCiphertexts(layout: RoundLayout): number {
  return Math.ceil(outputValues(layout) / layout.valuesPerCiphertext);
}

/** Elements of the round's input that share a ciphertext's block of slots: 1 unless dense. */
export function foldOf(layout: RoundLayout): number {
  return layout.kind === "dense" ? layout.fold : 1;
}

/** Slots from one value of an answer to the next. */
export function blockSlots(layout: RoundLayout): number {
  return layout.kind === "dense"
    ? layout.fold * layout.samples
    : layout.grid[0] * layout.grid[1] * layout.samples;
}

/** Values in answer number `answer`; only the last may hold fewer. */
export function valuesInAnswer(layout: RoundLayout, answer: number): number {
  const max = layout.valuesPerCiphertext;
  return Math.min(max, outputValues(layout) - answer * max);
}

/** Slots of answer number `answer` below which everything counts (U / slotBits). */
export function usedSlots(layout: RoundLayout, answer: number): number {
  return valuesInAnswer(layout, answer) * blockSlots(layout);
}

/** Slots above the used ones that hold garbage, to be drowned by the mask. */
export function spillSlots(layout: RoundLayout): number {
  return layout.kind === "dense" ? (layout.fold - 1) * layout.samples : 0;
}
