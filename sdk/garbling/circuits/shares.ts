/**
 * Between masked plaintexts and values: taking a mask off, and putting another on.
 *
 * @module
 */
import type { Bit, Circuit, KnownBit, Wire, Word } from "../circuit.ts";

/** MAJ(x, known, carry) = ((x ^ known) & (carry ^ known)) ^ known: one AND. */
function majority(c: Circuit, x: Bit, known: KnownBit, carry: Bit): Bit {
  if (carry === false) return c.andKnown(x, known);
  return c.flip(c.and(c.flip(x, known), c.flip(carry, known)), known);
}

/**
 * Bits of masked - mask over consecutive bits, one AND each. The circuit's known bits
 * are the mask's, in order.
 *
 * @param from bits below are not given: they only tell the borrow
 */
export function unmask(c: Circuit, masked: readonly Wire[], from = 0): Word {
  let borrow: Bit = false;
  const difference = masked.map((bit, i) => {
    const known = c.known(), result = c.xor(c.flip(bit, known), borrow);
    if (i < masked.length - 1) {
      borrow = majority(c, c.not(bit), known, borrow);
    }
    return result;
  });
  return difference.slice(from);
}

/** A slot of a packed plaintext: the low bits are a value's, the rest is empty. */
export interface Slot {
  value: Word;
  slotBits: number;
}

/**
 * Outputs the low bits of each slot of plaintext + mask; the upper bits are the mask's
 * or the mask's plus a carry, which a projection tells in the clear.
 *
 * Known bits of a slot: the mask's low bits, then (where there are upper bits) whether
 * the mask's upper bits are all ones. Known numbers: the mask's upper bits.
 */
export function reshare(c: Circuit, slots: readonly Slot[]): void {
  let carry: Bit = false;
  for (const { value, slotBits } of slots) {
    for (const bit of value) {
      const known = c.known();
      c.output(c.xor(c.flip(bit, known), carry));
      carry = majority(c, bit, known, carry);
    }
    const upper = slotBits - value.length;
    if (upper === 0) continue;
    const allOnes = c.known();
    c.project(carry, upper);
    carry = c.andKnown(carry, allOnes);
  }
}
