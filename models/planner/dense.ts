/**
 * Layouts of dense rounds.
 *
 * @module
 */
import { headroomBits } from "../../sdk/fixed_point/layout.ts";
import type { DenseLayout } from "../../sdk/wire/plan.ts";
import type { DenseTerm, RoundSpec } from "../package/format.ts";
import { foldedSlotBits, plainSlotBits } from "./slot_width.ts";
import { evenly } from "./spatial.ts";

/** Folding more than this many inputs never pays: shifts cost more than uploads. */
const maxFold = 64;

/** All layouts worth considering: every fold of the inputs that fits. */
export function* denseLayouts(
  round: RoundSpec,
  modulusBits: number,
  samples: number,
): Generator<DenseLayout, void> {
  const terms = round.terms as DenseTerm[];
  const length = terms.reduce((sum, term) => sum + term.length, 0);
  // Garbage pairs weights with inputs of their neighbours: one range for all.
  const oneRange = terms.every(({ low, high }) =>
    low === terms[0].low && high === terms[0].high
  );
  const largestFold = oneRange && !round.alone ? Math.min(maxFold, length) : 1;
  for (let fold = 1; fold <= largestFold; fold++) {
    const layout = denseLayout(round, fold, modulusBits, samples);
    if (layout) yield layout;
  }
}

/** The layout of a dense round with this fold, undefined where it does not fit. */
export function denseLayout(
  round: RoundSpec,
  fold: number,
  modulusBits: number,
  samples: number,
): DenseLayout | undefined {
  const terms = round.terms as DenseTerm[];
  const slotBits = fold === 1 ? plainSlotBits(round) : foldedSlotBits(round);
  if (slotBits === undefined) return undefined;
  const maxSlots = Math.floor((modulusBits - headroomBits) / slotBits) -
    (fold - 1) * samples;
  const max = Math.floor(maxSlots / (fold * samples));
  if (max < 1) return undefined;
  const [outputLength] = round.outputShape;
  return {
    kind: "dense",
    samples,
    fold,
    inputs: terms.map(({ reads, length }) => ({ tensor: reads, length })),
    outputLength,
    slotBits,
    guardBits: fold === 1 ? 0 : 1,
    valuesPerCiphertext: round.alone ? 1 : evenly(outputLength, max),
  };
}
