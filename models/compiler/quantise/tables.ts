/**
 * Look-up tables of functions of one integer.
 *
 * @module
 */
import { requantise } from "../../../sdk/activations/scaling.ts";
import type { GatewayStep } from "../../../sdk/wire/plan.ts";
import { integerOf } from "../integer_grid.ts";
import type { GatewayOperation, IntegerGrid } from "../ir.ts";
import { asShift } from "./power_of_two.ts";
import {
  asMultiplier,
  chooseFactor,
  integerBounds,
  rangeMargin,
} from "./range.ts";

export type Range = { low: number; high: number };

/** Values that calibration looks at, at most. */
const valuesLimit = 400_000;

/** Bits of the input of a table beyond those of its output. */
const tableBits = 3;

/** Entries of a table for ties, at most. */
const maxTieTable = 2 ** 13;

/** Bits of integers that are narrow as they are. */
export const maxNarrowBits = 16;

type Lookup = Extract<GatewayStep, { op: "lookup" }>;
type Requantisation = Extract<GatewayStep, { op: "requantise" }>;
type Operation = Extract<GatewayOperation, { op: "function" }>;

/** The integers that a table is read at. */
interface Known {
  /** What one stands for. */
  scale: number;
  /** Where all of them lie. */
  range: Range;
  /** Whether they are so few that each has an entry. */
  isNarrow: boolean;
  /** Whether they are scaled by powers of two alone before a table is read. */
  shiftsOnly: boolean;
}

interface Values extends Known {
  /** The calibration data's, one array a sample. */
  samples: Float64Array[];
}

/** Where a step rounds ties, which means of a few integers often are, to others than the model does: a table. */
export function tableOfTies(
  { multiplier, shift, ...step }: Requantisation,
  { scale, range: { low, high } }: Known,
  grid: IntegerGrid,
): Lookup | null {
  if (high - low >= maxTieTable) return null;
  const values = Float64Array.from(
    { length: high - low + 1 },
    (_, i) => low + i,
  );
  const table = Array.from(values, (x) => integerOf(x * scale, grid));
  const got = requantise(values, { multiplier, shift }, step.low, step.high);
  return got.every((x, i) => x === table[i])
    ? null
    : { op: "lookup", multiplier: 2, shift: 1, low, table };
}

/**
 * A table of what the model itself rounds a function's values to.
 *
 * @throws {RangeError} where the function is not finite
 */
export function exactTable(
  operation: Operation,
  values: Values,
  target: IntegerGrid,
): Lookup {
  const bits = Math.ceil(Math.log2(target.high - target.low + 1));
  const { inputs, outputs } = valuesOf(operation, values, {
    bits,
    inputBits: Math.min(16, bits + tableBits),
  });
  if (!outputs?.every(Number.isFinite)) refuse(operation);
  const table = Array.from(outputs, (y) => integerOf(y, target));
  return { op: "lookup", ...inputs, table };
}

/**
 * A table from a fine grid over the values seen, or from all where they are few, to
 * integers of so many bits.
 *
 * @param inputBits of that grid
 * @throws {RangeError} where the function is not finite
 */
export function tabulate(
  operation: Operation,
  values: Values,
  bits: number,
  inputBits: number = Math.min(16, bits + tableBits),
): { step: Lookup; unit: number; range: Range } {
  const { scale, samples } = values;
  const { inputs, outputs } = valuesOf(operation, values, { bits, inputBits });
  if (!outputs) refuse(operation);
  // In floating point all are finite; integers may lie beyond a domain's edge.
  const seen = samples.length > 0
    ? subsample(samples, 1, (v) => operation.apply(v * scale))[0].values
      .filter(Number.isFinite)
    : outputs;
  if (seen.length === 0) refuse(operation);
  const range = integerBounds(...extremes([seen]), bits);
  const unit = rangeMargin(bits, countOf(samples)) /
    chooseFactor([{ values: seen, weight: 1 }], range);
  const table = Array.from(
    outputs,
    (y) => Math.min(Math.max(Math.round(y / unit), range.low), range.high) + 0,
  );
  return { step: { op: "lookup", ...inputs, table }, unit, range };
}

function refuse({ name }: Operation): never {
  throw new RangeError(
    `Cannot quantise ${name}: it is not finite on the calibration readings`,
  );
}

/** Bits of a table's results, and of the grid that it is read by. */
interface TableBits {
  bits: number;
  inputBits: number;
}

/** A function at the integers that a table of so many bits is read at. */
function valuesOf({ apply }: Operation, values: Values, bits: TableBits) {
  const { entries, ...inputs } = tableInputs(values, bits);
  const step = 2 ** inputs.shift / inputs.multiplier * values.scale;
  const outputs = withinDomain(
    Float64Array.from(
      { length: entries },
      (_, i) => apply((inputs.low + i) * step),
    ),
  );
  return { inputs, outputs };
}

function tableInputs(
  { range, isNarrow, samples, shiftsOnly }: Values,
  { bits, inputBits }: TableBits,
) {
  if (isNarrow && range.high - range.low < 2 ** maxNarrowBits) {
    const entries = range.high - range.low + 1;
    return { multiplier: 2, shift: 1, low: range.low, entries };
  }
  const [min, max] = samples.length > 0
    ? extremes(samples)
    : [range.low, range.high];
  const margin = rangeMargin(bits, countOf(samples));
  const reach = (max - min) / 2 * margin + 1, middle = (min + max) / 2;
  const from = middle - reach, to = middle + reach;
  const factor = 2 ** inputBits / (to - from);
  const bound = Math.max(-range.low, range.high);
  const { multiplier, shift } = shiftsOnly
    ? asShift(Math.floor(Math.log2(factor)))
    : asMultiplier(factor, bound);
  const step = 2 ** shift / multiplier;
  const low = Math.floor(from / step), entries = Math.ceil(to / step) - low;
  return { multiplier, shift, low, entries };
}

function countOf(samples: Float64Array[]): number {
  return samples.length * (samples[0]?.length ?? 0);
}

/**
 * Values of a function over a grid that may reach beyond its domain (the margin of a
 * square root's): there the nearest value stands. Null where there is none.
 */
function withinDomain(outputs: Float64Array): Float64Array | null {
  const first = outputs.findIndex((y) => !Number.isNaN(y));
  if (first < 0) return null;
  let nearest = outputs[first];
  return outputs.map((y) => Number.isNaN(y) ? nearest : nearest = y);
}

export function extremes(arrays: Float64Array[]): [min: number, max: number] {
  let min = Infinity, max = -Infinity;
  for (const array of arrays) {
    for (const value of array) {
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  return [min, max];
}

/** Values of each of `groups` equal parts of the samples, evenly thinned out. */
export function subsample(
  samples: Float64Array[],
  groups: number,
  map: (value: number) => number,
): { values: Float64Array }[] {
  const perGroup = samples[0].length / groups;
  const total = samples.length * samples[0].length;
  // An odd step, so that it does not fall on the same columns again and again.
  const step = Math.max(1, Math.floor(total / valuesLimit)) | 1;
  return Array.from({ length: groups }, (_, g) => {
    const values: number[] = [];
    let at = 0;
    for (const sample of samples) {
      for (; at < perGroup; at += step) {
        values.push(map(sample[g * perGroup + at]));
      }
      at -= perGroup;
    }
    return { values: Float64Array.from(values) };
  });
}
