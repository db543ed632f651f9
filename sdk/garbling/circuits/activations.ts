/**
 * The gateway's steps as circuits on single values and windows.
 *
 * Each computes what `applySteps` computes on integers within the bounds.
 *
 * @module
 */
import type { Circuit, Word } from "../circuit.ts";
import { firstAt, nonZeroDigits, simplestScaling } from "./scaling.ts";
import {
  add,
  atLeast,
  choose,
  clamp,
  constant,
  maximum,
  multiply,
  shiftRight,
  signOf,
  type Value,
  valueOf,
} from "./integers.ts";

/** max(x, 0): an AND a bit. */
export function relu(c: Circuit, x: Value): Value {
  const positive = c.not(signOf(x));
  const bits = x.bits.map((bit, i) =>
    i < x.bits.length - 1 ? c.and(bit, positive) : false
  );
  return valueOf(bits, Math.max(0, x.low), Math.max(0, x.high));
}

/** x < 0 ? x*negative : x*positive. */
export function leakyRelu(
  c: Circuit,
  x: Value,
  positive: number,
  negative: number,
): Value {
  const above = multiply(c, x, positive), below = multiply(c, x, negative);
  const chosen = choose(c, signOf(x), below, above);
  const ends = [
    ...(x.low < 0 ? [x.low * negative, Math.min(-1, x.high) * negative] : []),
    ...(x.high >= 0 ? [Math.max(0, x.low) * positive, x.high * positive] : []),
  ];
  return valueOf(chosen.bits, Math.min(...ends), Math.max(...ends));
}

/** x >= 0 ? 1 : 0; free. */
export const isNonNegative = (c: Circuit, x: Value): Value =>
  valueOf([c.not(signOf(x)), false], 0, 1);

/**
 * Sum of a window, as a balanced tree.
 *
 * @param more is added, too; fewer than there are terms
 */
export function sum(c: Circuit, terms: readonly Value[], more = 0): Value {
  let left = more;
  return reduce(terms, (a, b) => add(c, a, b, left-- > 0));
}

/** Largest of a window. */
export function largest(c: Circuit, values: readonly Value[]): Value {
  return reduce(values, (a, b) => maximum(c, a, b));
}

function reduce(
  values: readonly Value[],
  join: (a: Value, b: Value) => Value,
): Value {
  let level = values;
  while (level.length > 1) {
    level = Array.from(
      { length: Math.ceil(level.length / 2) },
      (_, i) =>
        2 * i + 1 < level.length
          ? join(level[2 * i], level[2 * i + 1])
          : level[2 * i],
    );
  }
  return level[0];
}

/** How a step scales: floor((x*multiplier + 2^(shift-1)) / 2^shift). */
export interface Scaling {
  multiplier: number;
  shift: number;
}

/**
 * Any number that scales to the same within [low, high]: x held within the numbers that
 * matter, where that leaves narrow products.
 */
function holdWithin(c: Circuit, x: Value, low: number, enough: number): Value {
  const limit = 2 ** Math.ceil(Math.log2(enough + 1)) - 1;
  const fromBelow = low >= 0 || x.low >= 0;
  return enough > 0 && fromBelow ? clamp(c, x, 0, limit) : x;
}

/**
 * The scaled value within [low, high].
 *
 * @param rounding what x carries beside the value: a part of what is added to round it
 */
export function requantise(
  c: Circuit,
  x: Value,
  { multiplier, shift }: Scaling,
  { low, high }: { low: number; high: number },
  rounding = 0,
): Value {
  const half = shift === 0 ? 0 : 2 ** (shift - 1);
  const given = { multiplier, addend: half - rounding * multiplier, shift };
  let input = x, scaling = given;
  if (multiplier > 0 && nonZeroDigits(multiplier) > 1) {
    input = holdWithin(c, x, low, firstAt(given, high));
    scaling = simplestScaling(given, { from: input, to: { low, high } });
  }
  const product = multiply(c, input, scaling.multiplier);
  const sum = add(c, product, constant(scaling.addend));
  return clamp(c, shiftRight(sum, scaling.shift), low, high);
}

/** table[index - low] of an index within the table: one-hot selectors, then XOR. */
export function lookUp(
  c: Circuit,
  index: Value,
  low: number,
  table: readonly number[],
): Value {
  const place = add(c, index, constant(-low));
  const inside = valueOf(place.bits, 0, table.length - 1);
  const selectors = oneHot(c, inside.bits.slice(0, -1), table.length);
  const bounds = [
    table.reduce((a, b) => Math.min(a, b)),
    table.reduce((a, b) => Math.max(a, b)),
  ] as const;
  const entries = table.map((entry) => constant(entry));
  const width = valueOf([false], ...bounds).bits.length;
  const bits: Word = Array.from({ length: width }, (_, bit) =>
    selectors.reduce(
      (total, selector, i) => {
        const { bits } = entries[i];
        return bits[Math.min(bit, bits.length - 1)]
          ? c.xor(total, selector)
          : total;
      },
      false as Word[number],
    ));
  return { bits, low: bounds[0], high: bounds[1] };
}

/** Selector i is 1 where the index, lowest bit first, is i; one AND for each node of the tree. */
function oneHot(c: Circuit, index: Word, count: number): Word {
  let selectors: Word = [true];
  for (let bit = index.length - 1; bit >= 0; bit--) {
    const room = Math.ceil(count / 2 ** bit);
    selectors = selectors.flatMap((selector) => {
      const one = c.and(selector, index[bit]);
      return [c.xor(selector, one), one];
    }).slice(0, room);
  }
  return selectors;
}

/** Number of the first of the largest, lowest bit first. */
export function argMax(c: Circuit, values: readonly Value[]): Word {
  let best = values[0], index: Value = constant(0);
  values.slice(1).forEach((value, i) => {
    const stays = atLeast(c, best, value);
    index = choose(c, stays, index, constant(i + 1));
    if (i < values.length - 2) best = choose(c, stays, best, value);
  });
  return valueOf(index.bits, 0, values.length - 1).bits.slice(0, -1);
}

/** 1 at the first of the largest, 0 elsewhere. */
export function selectLargest(c: Circuit, values: readonly Value[]): Value[] {
  const selectors = oneHot(c, argMax(c, values), values.length);
  return selectors.map((selector) => valueOf([selector, false], 0, 1));
}
