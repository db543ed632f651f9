/**
 * The cheapest way to scale: another multiplier, addend and shift that give the same
 * integers wherever the bounds allow, with fewer adders.
 *
 * @module
 */

/** floor((x * multiplier + addend) / 2^shift). */
export interface AffineScaling {
  multiplier: number;
  addend: number;
  shift: number;
}

/** What scaled integers are held within, and what they are scaled from. */
export interface ScaledBounds {
  /** Of x. */
  from: { low: number; high: number };
  /** Of the result. */
  to: { low: number; high: number };
}

/** The least x whose result is at least `value`. */
export const firstAt = (
  { multiplier, addend, shift }: AffineScaling,
  value: number,
): number => Math.ceil((value * 2 ** shift - addend) / multiplier);

/** Multipliers that are tried beside the one nearest to the slope. */
const neighbours = 48;
/** Largest results for which thresholds are compared one by one. */
const maxThresholds = 4096;

/** Digits of the non-adjacent form that are not 0: one adder each but the first. */
export function nonZeroDigits(factor: number): number {
  let digits = 0;
  for (let rest = Math.abs(factor); rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 0) continue;
    digits++;
    if (rest % 4 === 3) rest += 1;
  }
  return digits;
}

/**
 * A scaling equal to `given` on all of `from`, once held within `to`, of fewest digits;
 * `given` itself where none is simpler.
 */
export function simplestScaling(
  given: AffineScaling,
  bounds: ScaledBounds,
): AffineScaling {
  const steps = stepsOf(given, bounds);
  if (!steps) return given;
  let best = given, fewest = nonZeroDigits(given.multiplier);
  for (let shift = 0; shift <= given.shift; shift++) {
    const nearest = Math.round(
      given.multiplier / 2 ** (given.shift - shift),
    );
    for (let d = -neighbours; d <= neighbours; d++) {
      const multiplier = nearest + d, digits = nonZeroDigits(multiplier);
      if (multiplier < 1 || digits >= fewest) continue;
      const addend = addendFor(multiplier, shift, steps);
      if (addend === undefined) continue;
      best = { multiplier, addend, shift };
      fewest = digits;
    }
  }
  return best;
}

/** x >= `at` where the result is at least `value`, and x < `before` where it is less. */
interface Step {
  value: number;
  at: number | null;
  before: number | null;
}

/** Where the result changes within the bounds; undefined if too often to compare. */
function stepsOf(
  { multiplier, addend, shift }: AffineScaling,
  { from, to }: ScaledBounds,
): Step[] | undefined {
  const result = (x: number) =>
    Math.floor((x * multiplier + addend) / 2 ** shift);
  if (multiplier < 1) return undefined;
  const first = Math.max(to.low, result(from.low));
  const last = Math.min(to.high, result(from.high));
  if (last - first > maxThresholds) return undefined;
  const steps: Step[] = [];
  // Below `low` and above `high` any result is held there.
  if (result(from.low) >= to.low) {
    steps.push({ value: first, at: from.low, before: null });
  }
  for (let value = first + 1; value <= last; value++) {
    const at = firstAt({ multiplier, addend, shift }, value);
    steps.push({ value, at, before: at });
  }
  if (result(from.high) <= to.high) {
    steps.push({ value: last + 1, at: null, before: from.high + 1 });
  }
  return steps;
}

/** The addend of most trailing zeros with which all steps stay where they are. */
function addendFor(
  multiplier: number,
  shift: number,
  steps: readonly Step[],
): number | undefined {
  let min = -(2 ** 40), max = 2 ** 40;
  for (const { value, at, before } of steps) {
    const target = value * 2 ** shift;
    if (at !== null) min = Math.max(min, target - multiplier * at);
    if (before !== null) {
      max = Math.min(max, target - multiplier * (before - 1) - 1);
    }
    if (min > max) return undefined;
  }
  for (let unit = 2 ** 40; unit > 1; unit /= 2) {
    const rounded = Math.ceil(min / unit) * unit;
    if (rounded <= max) return rounded;
  }
  return min;
}
