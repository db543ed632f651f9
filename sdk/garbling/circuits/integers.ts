/**
 * Integers in circuits: two's complement as wide as their bounds ask for.
 *
 * @module
 */
import type { Bit, Circuit, Word } from "../circuit.ts";

/** An integer within [low, high]; the last bit is the sign. */
export interface Value {
  bits: Word;
  low: number;
  high: number;
}

/** Bits of two's complement that hold every integer of [low, high]. */
export function signedBits(low: number, high: number): number {
  let bits = 1;
  while (low < -(2 ** (bits - 1)) || high >= 2 ** (bits - 1)) bits++;
  return bits;
}

/** The same integer in `bits` bits; what is cut off must be the sign's copies. */
export const resize = (word: Word, bits: number): Word =>
  Array.from({ length: bits }, (_, i) => word[Math.min(i, word.length - 1)]);

/** A value of these bounds, cut or extended to the width that they ask for. */
export const valueOf = (bits: Word, low: number, high: number): Value => ({
  bits: resize(bits, signedBits(low, high)),
  low,
  high,
});

/** A public constant. */
export const constant = (integer: number): Value =>
  valueOf(
    Array.from(
      { length: signedBits(integer, integer) },
      (_, i) => Math.floor(integer / 2 ** i) % 2 !== 0,
    ),
    integer,
    integer,
  );

export const signOf = ({ bits }: Value): Bit => bits[bits.length - 1];

/** Sum modulo 2^length of equally long words, one AND a bit. */
function addWords(c: Circuit, a: Word, b: Word, carry: Bit): Word {
  return a.map((x, i) => {
    const xc = c.xor(x, carry), yc = c.xor(b[i], carry);
    const sum = c.xor(xc, b[i]);
    if (i < a.length - 1) carry = c.xor(carry, c.and(xc, yc));
    return sum;
  });
}

/** a + b, or a + b + 1 for no more. */
export function add(
  c: Circuit,
  a: Value,
  b: Value,
  plusOne = false,
): Value {
  const more = plusOne ? 1 : 0;
  const low = a.low + b.low + more, high = a.high + b.high + more;
  const width = signedBits(low, high);
  const [x, y] = [a, b].map(({ bits }) => resize(bits, width));
  return { bits: addWords(c, x, y, plusOne), low, high };
}

function subtract(c: Circuit, a: Value, b: Value): Value {
  const low = a.low - b.high, high = a.high - b.low;
  const width = signedBits(low, high);
  const inverted = resize(b.bits, width).map((bit) => c.not(bit));
  return {
    bits: addWords(c, resize(a.bits, width), inverted, true),
    low,
    high,
  };
}

/** a times a public integer, by adders of its non-adjacent form. */
export function multiply(c: Circuit, a: Value, factor: number): Value {
  let result = constant(0), rest = Math.abs(factor);
  for (let shift = 0; rest > 0; shift++, rest = Math.floor(rest / 2)) {
    if (rest % 2 === 0) continue;
    const minus = rest % 4 === 3;
    if (minus) rest += 1;
    const term = shiftLeft(a, shift);
    result = minus ? subtract(c, result, term) : add(c, result, term);
  }
  // The digits' sums lose the bounds of the product.
  const size = Math.abs(factor);
  const product = valueOf(result.bits, a.low * size, a.high * size);
  return factor < 0 ? subtract(c, constant(0), product) : product;
}

const shiftLeft = ({ bits, low, high }: Value, shift: number): Value =>
  valueOf(
    [...Array(shift).fill(false), ...bits],
    low * 2 ** shift,
    high * 2 ** shift,
  );

/** floor(a / 2^shift); free. */
export const shiftRight = ({ bits, low, high }: Value, shift: number): Value =>
  valueOf(
    bits.slice(Math.min(shift, bits.length - 1)),
    Math.floor(low / 2 ** shift),
    Math.floor(high / 2 ** shift),
  );

/** 1 where a >= b. */
export function atLeast(c: Circuit, a: Value, b: Value): Bit {
  const low = a.low - b.high, high = a.high - b.low;
  const width = signedBits(low, high);
  const minusB = resize(b.bits, width).map((bit) => c.not(bit));
  const difference = addWords(c, resize(a.bits, width), minusB, true);
  return c.not(difference[width - 1]);
}

/** condition ? yes : no, one AND a bit. */
export function choose(
  c: Circuit,
  condition: Bit,
  yes: Value,
  no: Value,
): Value {
  const low = Math.min(yes.low, no.low), high = Math.max(yes.high, no.high);
  const width = signedBits(low, high), other = resize(no.bits, width);
  const bits = resize(yes.bits, width).map((bit, i) =>
    c.xor(other[i], c.and(condition, c.xor(bit, other[i])))
  );
  return { bits, low, high };
}

export function maximum(c: Circuit, a: Value, b: Value): Value {
  const larger = choose(c, atLeast(c, a, b), a, b);
  return valueOf(larger.bits, Math.max(a.low, b.low), larger.high);
}

export function clamp(c: Circuit, a: Value, low: number, high: number): Value {
  if (a.low >= low && a.high <= high) return a;
  const isBelow0 = a.low < 0 && low >= 0;
  if (
    (isBelow0 || (a.low >= 0 && a.high > high)) &&
    Number.isInteger(Math.log2(high + 1))
  ) return clamp(c, saturate(c, a, high), low, high);
  let value = a;
  if (value.low < low) {
    const limit = constant(low);
    const chosen = choose(c, atLeast(c, value, limit), value, limit);
    value = valueOf(chosen.bits, low, Math.max(low, value.high));
  }
  if (value.high > high) {
    const limit = constant(high);
    const chosen = choose(c, atLeast(c, limit, value), value, limit);
    value = valueOf(chosen.bits, Math.min(high, value.low), high);
  }
  return value;
}

/**
 * The value within [0, 2^bits - 1]: its bits where it lies there, else all zeros or all
 * ones; an AND for each bit that stays, and for each above.
 */
function saturate(c: Circuit, a: Value, high: number): Value {
  const bits = Math.log2(high + 1);
  const notNegative = a.low >= 0 || c.not(signOf(a));
  const aboveBits = a.bits.slice(bits, -1);
  const isAbove = c.and(
    aboveBits.reduce((x, y) => c.or(x, y), false),
    notNegative,
  );
  const isInside = c.xor(notNegative, isAbove);
  const held = a.bits.slice(0, -1).slice(0, bits).map((bit) =>
    c.xor(c.and(bit, isInside), isAbove)
  );
  return valueOf(
    [...held, false],
    Math.min(high, Math.max(0, a.low)),
    Math.min(high, Math.max(0, a.high)),
  );
}
