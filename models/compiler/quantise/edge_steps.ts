/** From the gateway's operations on real numbers to exact steps on integers. */
import { applySteps, shapeAfter } from "../../../sdk/activations/apply.ts";
import { requantise } from "../../../sdk/activations/scaling.ts";
import { lcm } from "../../../sdk/support/numbers.ts";
import { transposedFrom } from "../../../sdk/activations/transpose.ts";
import { elementCount } from "../../../sdk/fixed_point/integer_tensor.ts";
import type { EdgeStep } from "../../../sdk/wire/plan.ts";
import { integerOf } from "../integer_grid.ts";
import type { EdgeOperation, FloatRound, IntegerGrid, Window } from "../ir.ts";
import { countedCells } from "../lower/windows.ts";
import type { QuantisedActivation } from "./activation.ts";
import {
  asMultiplier,
  chooseFactor,
  integerBounds,
  rangeMargin,
  type ValueGroup,
} from "./range.ts";

/** What an accumulator stands for, and what is known of it. */
export interface Accumulators {
  /** One unit, per scale group. */
  scales: Float64Array;
  /** Every accumulator lies in [-bound, bound]. */
  bound: number;
  /** The calibration data's, one array a sample; read once. */
  samples: Iterable<Float64Array>;
}

/** Values that calibration looks at, at most. */
const valuesLimit = 400_000;

/** Bits of the input of a look-up table beyond those of its output. */
const tableBits = 3;

/** Bits of scores that come from a table. */
const scoreBits = 12;

/** Bits of an intermediate result between a table and a pooling step. */
const intermediateBits = 14;

/** Bits of integers that are narrow as they are. */
const maxNarrowBits = 16;

/** Entries of a table for ties, at most. */
const maxTieTable = 2 ** 13;

/** Bits of a slope's fraction, at least. */
const minSlopeBits = 8;

type Transpose = Omit<Extract<EdgeOperation, { op: "transpose" }>, "op">;

/**
 * Of `count` equal blocks of a transpose's result, the block of its input that each is;
 * null where one takes elements of several.
 */
export function movedBlocks(
  { shape, order }: Transpose,
  count: number,
): number[] | null {
  const from = transposedFrom(shape, order), length = from.length / count;
  const blocks = Array.from(
    { length: count },
    (_, block) => Math.floor(from[block * length] / length),
  );
  const isWhole = from.every((at, i) =>
    Math.floor(at / length) === blocks[Math.floor(i / length)]
  );
  return isWhole ? blocks : null;
}

/** Whether the operation commutes with a positive factor. */
export function isHomogeneous({ op }: EdgeOperation): boolean {
  return !["clip", "function", "quantise", "sign"].includes(op);
}

/**
 * Builds the steps of a round and applies them to the calibration data.
 *
 * @param last bits of the activation's integers; the last step itself, where
 * training has fixed it; or null for scores, which need no narrowing
 */
export function quantiseEdge(
  round: FloatRound,
  accumulators: Accumulators,
  last: number | Requantisation | null,
): { steps: EdgeStep[]; activation: QuantisedActivation } {
  const walk = new StepWalk(round.shape, accumulators);
  const bits = typeof last === "number" ? last : scoreBits;
  round.edge.forEach((operation, i) => {
    const next = round.edge[i + 1];
    walk.add(operation, next ? null : bits, next);
  });
  return walk.finish(last);
}

export type Requantisation = Omit<
  Extract<EdgeStep, { op: "requantise" }>,
  "op"
>;

type Range = { low: number; high: number };

function bitsOf({ low, high }: Range): number {
  return Math.ceil(Math.log2(high - low + 1));
}

class StepWalk {
  readonly steps: EdgeStep[] = [];
  /** Steps that are not yet applied to the samples. */
  #pending: EdgeStep[] = [];
  #samples: Iterable<Float64Array>;
  #shape: number[];
  #sampleShape: number[];
  #scales: Float64Array;
  #bound: number;
  /** Set by a last Clip: real bounds of the activation. */
  #clip: [low: number, high: number] = [-Infinity, Infinity];
  #done: Range | null = null;
  /** Range of the values, where they are integers that need no narrowing. */
  #narrow: Range | null = null;

  constructor(shape: number[], { scales, bound, samples }: Accumulators) {
    this.#shape = this.#sampleShape = shape;
    this.#scales = scales;
    this.#bound = bound;
    this.#samples = samples;
  }

  /**
   * @param lastBits width of the activation where this is the last operation
   * @param next the operation after it
   */
  add(
    operation: EdgeOperation,
    lastBits: number | null,
    next?: EdgeOperation,
  ): void {
    switch (operation.op) {
      case "relu":
        this.#narrow &&= {
          low: Math.max(0, this.#narrow.low),
          high: Math.max(0, this.#narrow.high),
        };
        return this.#push({ op: "relu" });
      case "leakyRelu": {
        this.#narrow = null;
        // Slopes as fractions of a power of two, fine but with room below 2^53.
        const room = 44 - Math.ceil(Math.log2(this.#bound + 1));
        if (room < minSlopeBits) {
          throw new RangeError(
            `Cannot quantise slopes: expected accumulators below 2^${
              44 - minSlopeBits
            }, got ${this.#bound}`,
          );
        }
        const unit = 2 ** Math.min(16, room);
        const negative = Array.from(
          operation.slopes,
          (slope) => Math.round(slope * unit),
        );
        const count = negative.length;
        if (count > 1 && this.#shape[0] !== count) {
          const rest = elementCount(this.#shape) / count;
          this.#push({ op: "reshape", shape: [count, rest] });
        }
        this.#push({ op: "leakyRelu", positive: unit, negative });
        this.#scales = this.#scales.map((scale) => scale / unit);
        this.#bound *= Math.max(unit, ...negative.map(Math.abs));
        return;
      }
      case "transpose":
        return this.#transpose(operation);
      case "maxPool":
        return this.#maxPool(operation.window);
      case "averagePool":
        return this.#average(operation);
      case "clip":
        if (lastBits === null || this.#narrow) {
          return this.#clipTo(operation.low, operation.high);
        }
        this.#clip = [operation.low, operation.high];
        return;
      case "quantise":
        return this.#toGrid(operation);
      case "sign":
        // Integers below 0, and the others.
        this.#push({
          op: "lookup",
          multiplier: 2,
          shift: 1,
          low: -1,
          table: [-1, 1],
        });
        return this.#become({ low: -1, high: 1 }, operation.scale);
      case "function":
        return this.#table(
          operation,
          lastBits,
          next?.op === "quantise" ? next : null,
        );
    }
  }

  finish(last: number | Requantisation | null): {
    steps: EdgeStep[];
    activation: QuantisedActivation;
  } {
    this.#done ??= this.#narrow;
    this.#done ??= last === null ? this.#unnarrowed() : this.#requantise(
      typeof last === "number" ? this.#chooseRequantisation(last) : last,
    );
    return {
      steps: this.steps,
      activation: {
        ...this.#done,
        scales: this.#scales,
        zeros: null,
        samples: this.#values(),
      },
    };
  }

  #push(step: EdgeStep): void {
    this.steps.push(step);
    this.#pending.push(step);
    this.#shape = shapeAfter(step, this.#shape);
  }

  /** The samples with all steps applied. */
  #values(): Float64Array[] {
    const applied = Array.from(this.#samples, (values) => {
      const tensor = { shape: this.#sampleShape, samples: [values] };
      return applySteps(this.#pending, tensor).samples[0];
    });
    this.#pending = [];
    this.#sampleShape = this.#shape;
    this.#samples = applied;
    return applied;
  }

  /** Values of the calibration data at this step. */
  #count(): number {
    const samples = this.#values();
    return samples.length * (samples[0]?.length ?? 0);
  }

  #transpose({ shape, order }: Transpose): void {
    const blocks = movedBlocks({ shape, order }, this.#scales.length)!;
    const scales = this.#scales;
    this.#push({ op: "transpose", shape, order });
    this.#scales = Float64Array.from(blocks, (block) => scales[block]);
  }

  #maxPool(window: Window): void {
    const { kernel, stride, dilation, pads } = window;
    this.#pool({ op: "maxPool", kernel, stride, dilation, pads }, window);
  }

  #pool(step: EdgeStep, window: Window): void {
    if (this.#shape.join() !== window.input.join()) {
      this.#push({ op: "reshape", shape: [...window.input] });
    }
    this.#push(step);
  }

  #average(operation: Extract<EdgeOperation, { op: "averagePool" }>): void {
    const { window, counted } = operation;
    const { kernel, stride, pads } = window;
    const cells = countedCells(window, counted);
    const multiple = cells.reduce(lcm, 1);
    this.#pool(
      cells.every((count) => count === multiple)
        ? { op: "sumPool", kernel, stride, pads }
        : { op: "meanPool", kernel, stride, pads, counted, multiple },
      window,
    );
    this.#scales = this.#scales.map((scale) => scale / multiple);
    this.#bound *= multiple;
    if (!this.#narrow) return;
    // Padding is 0.
    const low = Math.min(0, this.#narrow.low) * multiple;
    const high = Math.max(0, this.#narrow.high) * multiple;
    this.#narrow = high - low < 2 ** maxNarrowBits ? { low, high } : null;
  }

  /** To the integers that the model itself rounds to. */
  #toGrid(grid: IntegerGrid): void {
    const { scale, low, high } = grid;
    const isThere = this.#narrow && this.#scales[0] === scale &&
      this.#narrow.low >= low && this.#narrow.high <= high;
    if (isThere) return;
    const factor = this.#scales[0] / scale;
    const { multiplier, shift } = asMultiplier(factor, this.#bound);
    const step: EdgeStep = { op: "requantise", multiplier, shift, low, high };
    this.#push(this.#tieTable(step, grid) ?? step);
    this.#become({ low, high }, scale);
  }

  /**
   * Means of a few integers often lie half-way between two: where the step takes others of
   * them than the model does, a table does as the model.
   */
  #tieTable(step: Requantisation, grid: IntegerGrid): EdgeStep | null {
    const [scale] = this.#scales, bound = this.#bound;
    const { low, high } = this.#narrow ?? { low: -bound, high: bound };
    if (high - low >= maxTieTable) return null;
    const values = Float64Array.from(
      { length: high - low + 1 },
      (_, i) => low + i,
    );
    const table = Array.from(values, (x) => integerOf(x * scale, grid));
    const got = requantise(values, step, step.low, step.high);
    return got.every((x, i) => x === table[i])
      ? null
      : { op: "lookup", multiplier: 2, shift: 1, low, table };
  }

  /** The values lie in a range that needs no narrowing. */
  #become(range: Range, scale: number): void {
    this.#scales = Float64Array.of(scale);
    this.#narrow = range;
    this.#bound = Math.max(-range.low, range.high);
  }

  #clipTo(low: number, high: number): void {
    const [scale] = this.#scales;
    const bound = this.#bound;
    const smallest = Math.round(low / scale),
      largest = Math.round(high / scale);
    // Either may lie beyond all accumulators.
    const step = {
      low: Math.min(Math.max(-bound, smallest), largest),
      high: Math.max(Math.min(bound, largest), smallest),
    };
    this.#push({ op: "requantise", multiplier: 2, shift: 1, ...step });
    this.#bound = Math.max(Math.abs(step.low), Math.abs(step.high));
    if (this.#narrow) this.#narrow = { low: step.low, high: step.high };
  }

  /**
   * A table from a fine grid over the values seen to the function's values, or from all
   * values where they are few.
   *
   * @param target what the model itself rounds the function's values to
   */
  #table(
    { apply, name }: Extract<EdgeOperation, { op: "function" }>,
    lastBits: number | null,
    target: IntegerGrid | null,
  ): void {
    const bits = lastBits ?? intermediateBits;
    const [scale] = this.#scales;
    const { multiplier, shift, low, entries } = this.#tableInputs(
      target ? bitsOf(target) : bits,
    );
    const step = 2 ** shift / multiplier;
    const outputs = withinDomain(
      Float64Array.from(
        { length: entries },
        (_, i) => apply((low + i) * step * scale),
      ),
    );
    if (target && outputs?.every(Number.isFinite)) {
      const table = Array.from(outputs, (y) => integerOf(y, target));
      this.#push({ op: "lookup", multiplier, shift, low, table });
      return this.#become(target, target.scale);
    }
    // In floating point all are finite; integers may lie beyond a domain's edge.
    const seen = this.#values();
    const values = seen.length > 0 || !outputs
      ? subsample(seen, 1, (v) => apply(v * scale))[0].values
        .filter(Number.isFinite)
      : outputs;
    if (!outputs || values.length === 0) {
      throw new RangeError(
        `Cannot quantise ${name}: it is not finite on the calibration readings`,
      );
    }
    const bounds = integerBounds(...extremes([values]), bits);
    const unit = rangeMargin(bits, this.#count()) /
      chooseFactor([{ values, weight: 1 }], bounds);
    const table = Array.from(
      outputs,
      (y) =>
        Math.min(Math.max(Math.round(y / unit), bounds.low), bounds.high) + 0,
    );
    this.#push({ op: "lookup", multiplier, shift, low, table });
    this.#scales = this.#scales.map(() => unit);
    this.#bound = Math.max(-bounds.low, bounds.high);
    this.#narrow = null;
    if (lastBits !== null) this.#done = bounds;
  }

  /** The integers that a table is read at. */
  #tableInputs(bits: number) {
    const range = this.#narrow;
    if (range && range.high - range.low < 2 ** maxNarrowBits) {
      const entries = range.high - range.low + 1;
      return { multiplier: 2, shift: 1, low: range.low, entries };
    }
    const seen = this.#values();
    const [min, max] = seen.length > 0
      ? extremes(seen)
      : [-this.#bound, this.#bound];
    const reach = (max - min) / 2 * rangeMargin(bits, this.#count()) + 1;
    const middle = (min + max) / 2;
    const from = middle - reach, to = middle + reach;
    const factor = 2 ** Math.min(16, bits + tableBits) / (to - from);
    const { multiplier, shift } = asMultiplier(factor, this.#bound);
    const step = 2 ** shift / multiplier;
    const low = Math.floor(from / step), entries = Math.ceil(to / step) - low;
    return { multiplier, shift, low, entries };
  }

  #unnarrowed(): Range {
    const [low, high] = this.#clip;
    if (Number.isFinite(low) || Number.isFinite(high)) this.#clipTo(low, high);
    return { low: -this.#bound, high: this.#bound };
  }

  #requantise(step: Requantisation): Range {
    const { multiplier, shift, low, high } = step;
    this.#push({ op: "requantise", multiplier, shift, low, high });
    this.#scales = this.#scales.map((unit) => unit * 2 ** shift / multiplier);
    return { low, high };
  }

  #chooseRequantisation(bits: number): Requantisation {
    const groups = subsampleGroups(this.#values(), this.#scales);
    const [scale] = this.#scales;
    const clip = this.#clip.map((real) => real / scale);
    if (this.#clip.some(Number.isFinite)) {
      for (const group of groups) {
        group.values = group.values.map((v) =>
          Math.min(Math.max(v, clip[0]), clip[1])
        );
      }
    }
    let [min, max] = extremes(groups.map(({ values }) => values));
    if (this.steps.at(-1)?.op === "relu") min = 0;
    const bounds = integerBounds(min, max, bits);
    const factor = chooseFactor(groups, bounds) /
      rangeMargin(bits, this.#count());
    const { multiplier, shift } = asMultiplier(factor, this.#bound);
    const exact = multiplier / 2 ** shift;
    const low = Math.max(bounds.low, Math.round(clip[0] * exact));
    const high = Math.min(bounds.high, Math.round(clip[1] * exact));
    return { multiplier, shift, low, high };
  }
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

function extremes(arrays: Float64Array[]): [min: number, max: number] {
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
function subsample(
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

function subsampleGroups(
  samples: Float64Array[],
  scales: Float64Array,
): ValueGroup[] {
  return subsample(samples, scales.length, (value) => value)
    .map(({ values }, g) => ({ values, weight: scales[g] ** 2 }));
}
