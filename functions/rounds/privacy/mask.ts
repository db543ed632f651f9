/**
 * What is added to an answer's plaintext before it leaves (PROTOCOL, "Plaintexts").
 *
 * @module
 */
import {
  blockSlots,
  spillSlots,
  usedSlots,
  valuesInAnswer,
} from "../../../sdk/fixed_point/layout.ts";
import { SlotWriter } from "../../../sdk/fixed_point/slots.ts";
import { randomBits } from "../../../sdk/paillier/public/random_integer.ts";
import type { RandomSource } from "../../../sdk/support/random.ts";
import type { RoundLayout } from "../../../sdk/wire/plan.ts";
import { uniformBelow, uniformBytes } from "./seed.ts";

/** Random bytes that `answerMask` reads at most. */
export function maskBytes(layout: RoundLayout, modulusBits: number): number {
  const garbageBits = spillSlots(layout) * layout.slotBits;
  return layout.valuesPerCiphertext * Math.ceil(garbageBits / 8) +
    uniformBytes(modulusBits);
}

/** What a mask is made from beside the layout. */
export interface MaskOptions {
  /** Of the value at each place of this answer: one number, or one for each useful slot. */
  bias: (place: number) => number | readonly number[];
  modulus: bigint;
  random: RandomSource;
}

/**
 * The plaintext added to answer number `answer`, in [0, modulus):
 *
 * - the bias, in every slot of its value (twice where the layout doubles);
 * - 2^(slotBits-1) in every used slot, so that none is negative;
 * - a uniform number in the garbage slots below a folded value;
 * - a uniform multiple of 2^U above all used slots.
 *
 * Together with any honest answer it stays below the modulus.
 */
export function answerMask(
  layout: RoundLayout,
  answer: number,
  { bias, modulus, random }: MaskOptions,
): bigint {
  const slotBits = BigInt(layout.slotBits);
  const block = BigInt(blockSlots(layout)) * slotBits;
  const garbageBits = spillSlots(layout) * layout.slotBits;
  const usefulAt = slotBits * BigInt(spillSlots(layout));
  const ones = onesInSlots(blockSlots(layout), slotBits);
  const half = 1n << (slotBits - 1n);
  const scale = layout.kind === "dense" ? 1 << layout.guardBits : 1;

  let mask = 0n;
  for (let place = valuesInAnswer(layout, answer) - 1; place >= 0; place--) {
    const value = bias(place);
    const biases = typeof value === "number"
      ? ones * BigInt(scale * value)
      : inSlots(value, layout.slotBits) * BigInt(scale) << usefulAt;
    mask = (mask << block) + ones * half + biases +
      randomBits(garbageBits, random);
  }
  const usedBits = BigInt(usedSlots(layout, answer)) * slotBits;
  return mask +
    (aboveUsed(modulus >> usedBits, garbageBits, random) << usedBits);
}

/**
 * Uniform in [S, most - 1 - S], S bounding what garbage spills above the used
 * slots in either direction: it drowns the spill and nothing wraps.
 */
function aboveUsed(
  max: bigint,
  garbageBits: number,
  random: RandomSource,
): bigint {
  const spill = garbageBits === 0 ? 0n : 1n << BigInt(garbageBits);
  return spill + uniformBelow(max - 2n * spill, random);
}

/** 1 in each of so many slots. */
function onesInSlots(slots: number, slotBits: bigint): bigint {
  return ((1n << (BigInt(slots) * slotBits)) - 1n) / ((1n << slotBits) - 1n);
}

/** The numbers side by side, the first one lowest. */
function inSlots(values: readonly number[], slotBits: number): bigint {
  const writer = new SlotWriter(values.length, slotBits);
  for (const value of values) writer.push(value);
  return writer.finish();
}
