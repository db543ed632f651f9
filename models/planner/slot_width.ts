/**
 * Widths of slots that hold accumulators.
 *
 * @module
 */
import { largestSlotBits } from "../../sdk/fixed_point/slots.ts";
import type { RoundSpec } from "../package/format.ts";

/**
 * Slot width of a round whose slots hold accumulators: 1 + ceil(log2(V + 1)).
 *
 * @throws {Error} if that is more than an exact number holds
 */
export function plainSlotBits(round: RoundSpec): number {
  const slotBits = signedBits(round.bound);
  if (slotBits > largestSlotBits) {
    throw new Error(
      `Cannot plan round "${round.name}": expected slots of at most ${largestSlotBits} bits, got ${slotBits} for accumulators up to ${round.bound}`,
    );
  }
  return slotBits;
}

/**
 * Slot width of a dense round with folded inputs: twice the garbage of two
 * adjacent rows (`DenseLayout` says why), which also holds twice a value and a
 * carry. Undefined if that is more than an exact number holds.
 */
export function foldedSlotBits(round: RoundSpec): number | undefined {
  const slotBits = signedBits(2 * 4 * round.bound + 1);
  return slotBits <= largestSlotBits ? slotBits : undefined;
}

/** Bits of a slot that holds any signed integer of magnitude at most `largest`. */
function signedBits(largest: number): number {
  return Math.max(2, 1 + largest.toString(2).length);
}
