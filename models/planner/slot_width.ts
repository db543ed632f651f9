import { largestSlotBits } from "../../sdk/fixed_point/slots.ts";
import type { RoundSpec } from "../package_format.ts";

/** Bits of a slot that holds any signed integer of magnitude at most `largest`. */
function signedBits(largest: number): number {
  return Math.max(2, 1 + largest.toString(2).length);
}

/** Slot width of a round whose slots hold accumulators: 1 + ceil(log2(V + 1)). */
export function plainSlotBits(round: RoundSpec): number {
  return checked(round, signedBits(round.bound));
}

/**
 * Slot width of a dense round with folded inputs: twice the garbage of two
 * adjacent rows (`DenseLayout` says why), which also holds twice a value and a
 * carry.
 */
export function foldedSlotBits(round: RoundSpec): number {
  return checked(round, signedBits(2 * 4 * round.bound + 1));
}

function checked(round: RoundSpec, slotBits: number): number {
  if (slotBits > largestSlotBits) {
    throw new Error(
      `Cannot plan round "${round.name}": expected slots of at most ${largestSlotBits} bits, got ${slotBits} for accumulators up to ${round.bound}`,
    );
  }
  return slotBits;
}
