/**
 * Between masked plaintexts and values: taking a mask off, and putting another on.
 *
 * @module
 */
import {
  type Bit,
  type Circuit,
  type KnownBit,
  projectionBitsMax,
  type Wire,
  type Word,
} from "../circuit.ts";

/** MAJ(x, known, carry) = ((x ^ known) & (carry ^ known)) ^ known: one AND. */
function majority(
  c: Circuit,
  x: { plain: Bit; flipped: Bit },
  known: KnownBit,
  carry: Bit,
): Bit {
  if (carry === false) return c.andKnown(x.plain, known);
  return c.flip(c.and(x.flipped, c.flip(carry, known)), known);
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
    const known = c.known(), flipped = c.flip(bit, known);
    const result = c.xor(flipped, borrow);
    if (i < masked.length - 1) {
      const inverted = { plain: c.not(bit), flipped: c.not(flipped) };
      borrow = majority(c, inverted, known, borrow);
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

/** Sizes of the pieces, each of at most 31 bits, that a slot's upper bits are told in. */
export function upperPieces(bits: number): number[] {
  const count = Math.ceil(bits / projectionBitsMax);
  return Array.from(
    { length: count },
    (_, i) => Math.floor((i + 1) * bits / count) - Math.floor(i * bits / count),
  );
}

/**
 * Outputs the low bits of each slot of plaintext + mask; the upper bits are the mask's
 * or the mask's plus a carry, which a projection tells in the clear.
 *
 * Known bits of a slot: the mask's low bits, then for each piece of upper bits whether
 * the mask's are all ones. Known numbers: the mask's upper bits, piece by piece.
 */
export function reshare(c: Circuit, slots: readonly Slot[]): void {
  let carry: Bit = false;
  for (const { value, slotBits } of slots) {
    for (const bit of value) {
      const known = c.known(), flipped = c.flip(bit, known);
      c.output(c.xor(flipped, carry));
      carry = majority(c, { plain: bit, flipped }, known, carry);
    }
    for (const upper of upperPieces(slotBits - value.length)) {
      const allOnes = c.known();
      c.project(carry, upper);
      carry = c.andKnown(carry, allOnes);
    }
  }
}
