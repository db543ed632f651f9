/**
 * Between masked plaintexts and values: taking a mask off, and putting another on.
 *
 * @module
 */
import type { Bit, Circuit, KnownBit, Wire, Word } from "../circuit.ts";

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

/**
 * Tells the value + mask modulo 2^bits as a number for each bit of the value: its weight
 * or 0, beside its own mask; both sides add up what they hold.
 *
 * A bit costs two rows, less than an adder would, and the number is revealed once however
 * many plaintexts carry it.
 */
export function reshare(c: Circuit, value: Word, bits: number): void {
  value.forEach((bit, shift) => c.project(bit, { bits, shift }));
}
