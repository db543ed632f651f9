/**
 * Rounding to the integers that a quantised model works with.
 *
 * @module
 */
import type { IntegerGrid } from "./ir.ts";

/** Sums in doubles may miss a value at which a result changes by this much. */
export const blur = 1e-9;

/** The integer that stands for `x`. */
export function integerOf(
  x: number,
  { scale, low, high, ties }: IntegerGrid,
): number {
  const steps = x / scale, below = Math.floor(steps), rest = steps - below;
  const isTie = Math.abs(rest - .5) <= blur * (1 + Math.abs(steps));
  const up = isTie ? ties === "up" || below % 2 !== 0 : rest > .5;
  return Math.min(Math.max(below + Number(up), low), high) + 0;
}

/** The multiple of the grid's scale that is nearest to `x`. */
export function onGrid(x: number, grid: IntegerGrid): number {
  return integerOf(x, grid) * grid.scale;
}
