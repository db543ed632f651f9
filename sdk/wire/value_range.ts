/**
 * Interval analysis: the range of values after each step of a round.
 *
 * @module
 */
import { combination } from "../activations/operands.ts";
import { elementCount } from "../fixed_point/integer_tensor.ts";
import type { Combination, GatewayStep } from "./plan.ts";

/** What values can be, both ends included. */
export interface ValueRange {
  low: number;
  high: number;
}

/** What a step makes of values in a range. */
export interface StepRange extends ValueRange {
  /** Largest magnitude of a sum or product on the way to the result. */
  largest: number;
}

/**
 * Follows a range of values through one step of the gateway. Never narrower than
 * what the step can give, whatever the values in the range are.
 *
 * @param operand what the values of the activation that it reads can be
 * @throws {RangeError} if the step makes no sense for any value: ends in the wrong
 * order, an empty table, a scale of zero or none that is finite
 */
export function rangeAfter(
  step: GatewayStep,
  { low, high }: ValueRange,
  operand: ValueRange = { low: 0, high: 0 },
): StepRange {
  const magnitude = Math.max(Math.abs(low), Math.abs(high));
  switch (step.op) {
    case "relu":
      return exact(Math.max(low, 0), Math.max(high, 0));
    case "leakyRelu": {
      const slopes = step.negative.map(Math.abs);
      const steepest = slopes.reduce(
        (a, b) => Math.max(a, b),
        Math.abs(step.positive),
      );
      return exact(-magnitude * steepest, magnitude * steepest);
    }
    case "meanPool":
      // Windows are added up before the sum is divided by their cells.
      return {
        low: Math.min(low * step.multiple, 0),
        high: Math.max(high * step.multiple, 0),
        largest: magnitude *
          Math.max(step.multiple, step.kernel[0] * step.kernel[1]),
      };
    case "sumPool": {
      const cells = step.kernel[0] * step.kernel[1];
      return withPadding(
        step,
        Math.min(low * cells, low),
        Math.max(high * cells, high),
      );
    }
    case "maxPool":
      return withPadding(step, low, high);
    case "reshape":
    case "transpose":
    case "keep":
      return exact(low, high);
    case "take":
      return exact(operand.low, operand.high);
    case "combine":
      return combined(step, { low, high }, operand);
    case "matmul": {
      const products = exact(...corners((x, y) => x * y, [low, high], operand));
      const terms = step.shape[step.shape.length - 1];
      return exact(products.low * terms, products.high * terms);
    }
    case "reduce": {
      const terms = step.by === "sum"
        ? elementCount(step.axes.map((axis) => step.shape[axis]))
        : 1;
      return exact(low * terms, high * terms);
    }
    case "squareRoot": {
      const root = (x: number) =>
        Math.floor(Math.sqrt(Math.max(x, 0) + step.addend));
      return {
        low: root(low),
        high: root(high),
        // Twice what is below the root: roots are exact up to 2^52.
        largest: 2 * (Math.max(high, 0) + step.addend),
      };
    }
    case "selectLargest":
    case "isNonNegative":
      return exact(0, 1);
    case "requantise":
      requireOrder(step);
      return {
        low: step.low,
        high: step.high,
        largest: product(step, magnitude),
      };
    case "lookup": {
      const { table } = step;
      if (table.length === 0) {
        throw new RangeError("expected a table, got none");
      }
      const last = step.low + table.length - 1;
      return {
        low: table.reduce((a, b) => Math.min(a, b)),
        high: table.reduce((a, b) => Math.max(a, b)),
        largest: Math.max(
          product(step, magnitude),
          Math.abs(step.low),
          Math.abs(last),
        ),
      };
    }
    case "custom":
      requireOrder(step);
      requireScale(step.inputScale);
      requireScale(step.outputScale);
      return exact(step.low, step.high);
  }
}

/**
 * Checks that numbers can be divided by a scale.
 *
 * @throws {RangeError} if the scale or its inverse is zero or not finite
 */
export function requireScale(scale: number): void {
  if (!Number.isFinite(scale) || !Number.isFinite(1 / scale)) {
    throw new RangeError(`expected a scale other than zero, got ${scale}`);
  }
}

/**
 * Checks that a range holds a value.
 *
 * @throws {RangeError} if `low` is above `high` or one is not a number
 */
export function requireOrder({ low, high }: ValueRange): void {
  if (!(low <= high)) {
    throw new RangeError(`expected low <= high, got [${low}, ${high}]`);
  }
}

function exact(low: number, high: number): StepRange {
  return { low, high, largest: Math.max(Math.abs(low), Math.abs(high)) };
}

/** A window that lies wholly in the padding gives 0. */
function withPadding(
  { pads }: { pads: readonly number[] },
  low: number,
  high: number,
): StepRange {
  return pads.some((cells) => cells > 0)
    ? exact(Math.min(low, 0), Math.max(high, 0))
    : exact(low, high);
}

/** Of a function that is monotone in each of two numbers: its least and largest value. */
function corners(
  f: (x: number, y: number) => number,
  xs: readonly number[],
  { low, high }: ValueRange,
): [low: number, high: number] {
  const values = xs.flatMap((x) => [f(x, low), f(x, high)]);
  return [Math.min(...values), Math.max(...values)];
}

function combined(
  how: Combination,
  x: ValueRange,
  y: ValueRange,
): StepRange {
  const [least, largest] = corners(combination(how), [x.low, x.high], y);
  const reach = (values: ValueRange) =>
    Math.max(Math.abs(values.low), Math.abs(values.high));
  switch (how.by) {
    case "sum": {
      const [first, second] = how.factors;
      return {
        low: least,
        high: largest,
        largest: reach(x) * Math.abs(first) + reach(y) * Math.abs(second),
      };
    }
    case "quotient":
      return {
        low: least,
        high: largest,
        largest: reach(y) * Math.abs(how.multiplier) + Math.max(x.high, 1),
      };
    case "product":
      return exact(least, largest);
  }
}

function product(
  { multiplier, shift }: { multiplier: number; shift: number },
  magnitude: number,
): number {
  return magnitude * Math.abs(multiplier) + 2 ** (shift - 1);
}
