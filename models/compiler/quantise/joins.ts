/**
 * From operations that join activations, on real numbers, to exact steps on integers.
 *
 * @module
 */
import { combiner } from "../../../sdk/activations/operands.ts";
import { elementCount } from "../../../sdk/fixed_point/integer_tensor.ts";
import type { GatewayStep } from "../../../sdk/wire/plan.ts";
import {
  type Along,
  type FloatNetwork,
  isJoin,
  type JoinOperation,
} from "../ir.ts";
import type { QuantisedActivation } from "./activation.ts";
import { asMultiplier } from "./range.ts";

/** Bits of integers that are joined with others. */
export const joinBits = 14;

/** Bits that a table between joined activations gives. */
export const joinedTableBits = 12;

/** Entries of all such tables of a model: half of what a plan may hold. */
const maxJoinedEntries = 2 ** 18;

/** Bits that they are read by: fewer, where there are many tables. */
export function joinedInputBits({ rounds }: FloatNetwork): number {
  const tables = rounds.filter(({ gateway }) => gateway.some(isJoin))
    .flatMap(({ gateway }) => gateway.filter(({ op }) => op === "function"));
  const bits = Math.floor(Math.log2(maxJoinedEntries / (tables.length || 1)));
  return Math.max(8, Math.min(12, bits));
}

/** Bits of the factors of a sum. */
const factorBits = 16;

/** Bits of a quotient, at the largest that calibration sees. */
const quotientBits = 14;

/** Bits of the squares' roots: of values less their mean. */
const centredBits = 16;

/** Bits of a normalised value of 1, at least. */
const normalBits = 10;

/** Entries of the table of powers, about. */
const powerEntries = 2 ** 12;

/** Bits of the largest power. */
const powerBits = 14;

/** Sums of products stay below 2^50. */
const maxSumBits = 50;

/** Steps under construction, as `StepWalk` has them. */
export interface JoinWalk {
  /** What one unit of the values stands for. */
  readonly scale: number;
  /** No value is larger. */
  readonly bound: number;
  /** Adds a step. */
  push(step: GatewayStep): void;
  /** The values stand for other numbers, or are bounded anew. */
  become(values: { scale: number; bound: number }): void;
  /** Requantises to so many bits where values are wider by much. */
  narrow(bits: number): void;
  /** The calibration readings' values with all steps applied. */
  values(): Float64Array[];
  /** An earlier activation; of one scale. */
  operand(name: string): QuantisedActivation;
  /** Keeps the values under a name, in no more bits than whoever reads it may want. */
  keep(name: string): void;
  /** Keeps the values as they are, under a name that this round alone reads. */
  keepHere(): string;
}

/** Adds the steps of an operation. */
export function addJoin(walk: JoinWalk, operation: JoinOperation): void {
  switch (operation.op) {
    case "keep":
      return walk.keep(operation.as);
    case "take": {
      const { from, start, shape } = operation;
      const { scales: [scale], low, high } = walk.operand(from);
      walk.push({ op: "take", from, start, shape });
      return walk.become({ scale, bound: Math.max(-low, high) });
    }
    case "combine":
      return combine(walk, operation);
    case "matmul": {
      walk.narrow(joinBits);
      const { with: name, shape, withShape } = operation;
      const other = walk.operand(name), terms = shape[shape.length - 1];
      walk.push({ op: "matmul", with: name, shape, withShape });
      return multiplied(walk, other, terms);
    }
    case "reduce": {
      const { by, shape, axes } = operation;
      if (by !== "sum") return walk.push({ op: "reduce", by, shape, axes });
      return sumAlong(walk, { shape, axes });
    }
    case "repeat":
      return repeat(walk, operation);
    case "softmax":
      return softmax(walk, operation);
    case "normalise":
      return normalise(walk, operation);
  }
}

function combine(
  walk: JoinWalk,
  operation: Extract<JoinOperation, { op: "combine" }>,
): void {
  walk.narrow(joinBits);
  const { with: name, shape, withShape } = operation;
  const other = walk.operand(name);
  const step = { op: "combine", with: name, shape, withShape } as const;
  switch (operation.by) {
    case "product":
      walk.push({ ...step, by: "product" });
      return multiplied(walk, other, 1);
    case "sum": {
      const [first, second] = operation.factors;
      const units = [first * walk.scale, second * other.scales[0]];
      const scale = Math.max(...units.map(Math.abs)) / 2 ** factorBits;
      const factors = units.map((unit) => Math.round(unit / scale)) as [
        number,
        number,
      ];
      walk.push({ ...step, by: "sum", factors });
      const bound = walk.bound * Math.abs(factors[0]) +
        reachOf(other) * Math.abs(factors[1]);
      return walk.become({ scale, bound });
    }
    case "quotient": {
      const largest = largestQuotient(walk.values(), other.samples, operation);
      return divide(walk, {
        ...step,
        other,
        multiplier: 2 ** quotientBits / largest,
        // Readings in use may give more than those of calibration.
        bound: 2 ** (quotientBits + 1),
      });
    }
  }
}

/** The largest magnitude of y / x. */
function largestQuotient(
  divisors: Float64Array[],
  dividends: Float64Array[],
  shapes: { shape: number[]; withShape: number[] },
): number {
  const quotients = combiner({ ...shapes, by: "product" });
  let largest = 0;
  divisors.forEach((values, s) => {
    if (!values.every((x) => x > 0)) {
      throw new RangeError(
        "Cannot quantise Div: expected a divisor above 0 on every calibration reading",
      );
    }
    for (const y of quotients(values.map((x) => 1 / x), dividends[s])) {
      largest = Math.max(largest, Math.abs(y));
    }
  });
  return largest || 1;
}

/** The values, times another activation, in sums of so many products. */
function multiplied(
  walk: JoinWalk,
  other: QuantisedActivation,
  terms: number,
): void {
  walk.become({
    scale: walk.scale * other.scales[0],
    bound: walk.bound * reachOf(other) * terms,
  });
}

interface Division {
  op: "combine";
  with: string;
  shape: number[];
  withShape: number[];
  other: Pick<QuantisedActivation, "scales" | "low" | "high">;
  /** By which quotients of integers are multiplied, about. */
  multiplier: number;
  /** To which quotients are held. */
  bound: number;
}

/** The other activation over the values, which are 1 or more. */
function divide(
  walk: JoinWalk,
  { other, multiplier: wanted, bound, ...step }: Division,
): void {
  const room = 2 ** maxSumBits / (reachOf(other) || 1);
  const multiplier = Math.max(1, Math.round(Math.min(wanted, room)));
  walk.push({ ...step, by: "quotient", multiplier });
  walk.become({
    scale: other.scales[0] / (walk.scale * multiplier),
    bound: reachOf(other) * multiplier,
  });
  if (bound >= walk.bound) return;
  const range = { low: -bound, high: bound };
  walk.push({ op: "requantise", multiplier: 2, shift: 1, ...range });
  walk.become({ scale: walk.scale, bound });
}

/** Sums along axes, exact. */
function sumAlong(walk: JoinWalk, along: Along): void {
  const terms = lengthOf(along);
  walk.narrow(Math.min(joinBits, maxSumBits - Math.ceil(Math.log2(terms))));
  walk.push({ op: "reduce", by: "sum", ...onlyAlong(along) });
  walk.become({ scale: walk.scale, bound: walk.bound * terms });
}

/** Values times ones, which some of the values are made. */
function repeat(
  walk: JoinWalk,
  { shape, times }: Extract<JoinOperation, { op: "repeat" }>,
): void {
  const values = walk.keepHere(), { scale, bound } = walk;
  walk.push({ op: "take", from: values, start: 0, shape: times });
  walk.push({ op: "lookup", multiplier: 0, shift: 1, low: 0, table: [1] });
  const ones = walk.keepHere();
  walk.push({ op: "take", from: values, start: 0, shape });
  walk.push({
    op: "combine",
    by: "product",
    with: ones,
    shape,
    withShape: times,
  });
  walk.become({ scale, bound });
}

/** exp(x - max), by a table, over its sum. */
function softmax(walk: JoinWalk, along: Along): void {
  const { shape } = along, reduced = shapeAlong(along);
  walk.narrow(joinBits);
  const unit = walk.scale, values = walk.keepHere();
  walk.push({ op: "reduce", by: "max", ...onlyAlong(along) });
  walk.push({
    op: "combine",
    by: "sum",
    factors: [-1, 1],
    with: values,
    shape: reduced,
    withShape: shape,
  });
  const largest = 2 ** powerBits, bound = 2 * walk.bound;
  // Below this a power rounds to 0.
  const reach = Math.min(bound * unit, Math.log(2 * largest) + 1);
  const scaling = asMultiplier(
    Math.min(1, powerEntries * unit / reach),
    bound,
  );
  const step = unit * 2 ** scaling.shift / scaling.multiplier;
  const low = -Math.ceil(reach / step);
  const table = Array.from(
    { length: 1 - low },
    (_, i) => Math.round(largest * Math.exp((low + i) * step)),
  );
  walk.push({ op: "lookup", ...scaling, low, table });
  walk.become({ scale: 1 / largest, bound: largest });
  const powers = walk.keepHere();
  walk.push({ op: "reduce", by: "sum", ...onlyAlong(along) });
  walk.become({ scale: walk.scale, bound: largest * lengthOf(along) });
  divide(walk, {
    op: "combine",
    with: powers,
    shape: reduced,
    withShape: shape,
    other: {
      scales: Float64Array.of(1 / largest),
      low: 0,
      high: largest,
    },
    multiplier: 2 ** quotientBits,
    bound: 2 ** quotientBits,
  });
}

/** Values over the root of the mean of their squares. */
function normalise(
  walk: JoinWalk,
  { centred, epsilon, ...along }: Extract<JoinOperation, { op: "normalise" }>,
): void {
  const { shape } = along, reduced = shapeAlong(along);
  const count = lengthOf(along), countBits = Math.ceil(Math.log2(count));
  walk.narrow(joinBits);
  if (centred) {
    const values = walk.keepHere(), { scale, bound } = walk;
    walk.push({ op: "reduce", by: "sum", ...onlyAlong(along) });
    walk.push({
      op: "combine",
      by: "sum",
      factors: [-1, count],
      with: values,
      shape: reduced,
      withShape: shape,
    });
    walk.become({ scale: scale / count, bound: 2 * bound * count });
  }
  walk.narrow(
    Math.min(centredBits, Math.floor((maxSumBits - countBits) / 2) - 3),
  );
  const numerators = walk.keepHere(), { scale, bound } = walk;
  walk.push({
    op: "combine",
    by: "product",
    with: numerators,
    shape,
    withShape: shape,
  });
  walk.push({ op: "reduce", by: "sum", ...onlyAlong(along) });
  const addend = Math.min(
    2 ** maxSumBits,
    Math.max(1, Math.round(epsilon * count / scale ** 2)),
  );
  walk.push({ op: "squareRoot", addend });
  const largest = bound ** 2 * count + addend;
  walk.become({
    scale: scale / Math.sqrt(count),
    bound: Math.ceil(Math.sqrt(largest)),
  });
  const multiplier = 2 ** (normalBits + Math.ceil(countBits / 2));
  divide(walk, {
    op: "combine",
    with: numerators,
    shape: reduced,
    withShape: shape,
    other: { scales: Float64Array.of(scale), low: -bound, high: bound },
    multiplier,
    // No value is larger than the root of the sum of all squares, by rounding.
    bound: 2 * multiplier,
  });
}

function reachOf({ low, high }: { low: number; high: number }): number {
  return Math.max(-low, high);
}

function onlyAlong({ shape, axes }: Along): Along {
  return { shape, axes };
}

function lengthOf({ shape, axes }: Along): number {
  return elementCount(axes.map((axis) => shape[axis]));
}

function shapeAlong({ shape, axes }: Along): number[] {
  return shape.map((extent, axis) => axes.includes(axis) ? 1 : extent);
}
