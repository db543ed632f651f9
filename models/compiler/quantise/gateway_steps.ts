/**
 * From the gateway's operations on real numbers to exact steps on integers.
 *
 * @module
 */
import { applySteps, shapeAfter } from "../../../sdk/activations/apply.ts";
import { lcm } from "../../../sdk/support/numbers.ts";
import { transposedFrom } from "../../../sdk/activations/transpose.ts";
import { operandOf } from "../../../sdk/activations/operands.ts";
import {
  elementCount,
  type IntegerTensor,
} from "../../../sdk/fixed_point/integer_tensor.ts";
import type { GatewayStep } from "../../../sdk/wire/plan.ts";
import {
  type FloatRound,
  type GatewayOperation,
  type IntegerGrid,
  isJoin,
  type Window,
} from "../ir.ts";
import { countedCells } from "../lower/windows.ts";
import type { QuantisedActivation } from "./activation.ts";
import { addJoin, joinedTableBits, type JoinWalk } from "./joins.ts";
import { asShift, choosePowerOfTwo, splitShift } from "./power_of_two.ts";
import {
  asMultiplier,
  chooseFactor,
  integerBounds,
  rangeMargin,
  type ValueGroup,
} from "./range.ts";
import {
  exactTable,
  extremes,
  maxNarrowBits,
  type Range,
  subsample,
  tableOfTies,
  tabulate,
} from "./tables.ts";

/** What an accumulator stands for, and what is known of it. */
export interface Accumulators {
  /** One unit, per scale group. */
  scales: Float64Array;
  /** Every accumulator lies in [-bound, bound]. */
  bound: number;
  /** The calibration data's, one array a sample; read once. */
  samples: Iterable<Float64Array>;
  /** Whether they are scaled by powers of two alone, as garbled circuits want it. */
  shiftsOnly: boolean;
  /** Earlier activations by name, for operations that read one. */
  operands: ReadonlyMap<string, QuantisedActivation>;
  /** Bits that what is kept under a name takes at most. */
  keptBits: (name: string) => number;
  /** Bits that tables between joined activations are read by. */
  joinedInputBits: number;
}

/** Bits of scores that come from a table. */
const scoreBits = 12;

/** Bits of an intermediate result between a table and a pooling step. */
const intermediateBits = 14;

/** Bits by which values may be wider than asked before they are joined. */
const looseBits = 4;

/** Bits of a slope's fraction, at least. */
const minSlopeBits = 8;

type Transpose = Omit<Extract<GatewayOperation, { op: "transpose" }>, "op">;

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
export function isHomogeneous(operation: GatewayOperation): boolean {
  return !isJoin(operation) &&
    !["clip", "function", "quantise", "sign"].includes(operation.op);
}

/** Steps, and what they make of the calibration data. */
export interface QuantisedSteps {
  steps: GatewayStep[];
  activation: QuantisedActivation;
  /** Activations that are kept on the way. */
  kept: Map<string, QuantisedActivation>;
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
): QuantisedSteps {
  const walk = new StepWalk(round, accumulators);
  const bits = typeof last === "number" ? last : scoreBits;
  round.gateway.forEach((operation, i) => {
    const next = round.gateway[i + 1];
    walk.add(operation, next ? null : bits, next);
  });
  return walk.finish(last);
}

export type Requantisation = Omit<
  Extract<GatewayStep, { op: "requantise" }>,
  "op"
>;

class StepWalk implements JoinWalk {
  readonly steps: GatewayStep[] = [];
  /** Steps that are not yet applied to the samples. */
  #pending: GatewayStep[] = [];
  #samples: Iterable<Float64Array>;
  #shape: number[];
  #sampleShape: number[];
  #scales: Float64Array;
  #bound: number;
  #shiftsOnly: boolean;
  /** What the last sum was taken of. */
  #summed:
    | { samples: Float64Array[]; range: Range; shape: number[] }
    | null = null;
  /** Set by a last Clip: real bounds of the activation. */
  #clip: [low: number, high: number] = [-Infinity, Infinity];
  #done: Range | null = null;
  /** Range of the values, where they are integers that need no narrowing. */
  #narrow: Range | null = null;
  readonly #operands: ReadonlyMap<string, QuantisedActivation>;
  readonly #kept = new Map<string, QuantisedActivation>();
  readonly #keptBits: (name: string) => number;
  readonly #writes: string;
  readonly #joins: boolean;
  readonly #joinedInputBits: number;
  #names = 0;

  constructor(
    { shape, writes, gateway }: FloatRound,
    { scales, bound, samples, shiftsOnly, ...joining }: Accumulators,
  ) {
    this.#writes = writes;
    this.#joins = gateway.some(isJoin);
    this.#operands = joining.operands;
    this.#keptBits = joining.keptBits;
    this.#joinedInputBits = joining.joinedInputBits;
    this.#shape = this.#sampleShape = shape;
    this.#shiftsOnly = shiftsOnly;
    this.#scales = scales;
    this.#bound = bound;
    this.#samples = samples;
  }

  /**
   * @param lastBits width of the activation where this is the last operation
   * @param next the operation after it
   */
  add(
    operation: GatewayOperation,
    lastBits: number | null,
    next?: GatewayOperation,
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
      case "repeat": {
        // The same integers, in more places.
        const narrow = this.#narrow;
        addJoin(this, operation);
        this.#narrow = narrow;
        return;
      }
      case "keep":
      case "take":
      case "combine":
      case "matmul":
      case "reduce":
      case "softmax":
      case "normalise":
        return addJoin(this, operation);
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

  finish(last: number | Requantisation | null): QuantisedSteps {
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
      kept: this.#kept,
    };
  }

  get scale(): number {
    return this.#scales[0];
  }

  get bound(): number {
    return this.#bound;
  }

  push(step: GatewayStep): void {
    this.#push(step);
    this.#narrow = null;
  }

  become({ scale, bound }: { scale: number; bound: number }): void {
    this.#scales = Float64Array.of(scale);
    this.#bound = bound;
  }

  narrow(bits: number): void {
    if (this.#bound >= 2 ** (bits + looseBits)) this.#narrowTo(bits);
  }

  values(): Float64Array[] {
    return this.#values();
  }

  operand(name: string): QuantisedActivation {
    const found = this.#kept.get(name) ?? this.#operands.get(name)!;
    if (found.scales.length === 1 && found.zeros === null) return found;
    throw new Error(`Cannot join "${name}": expected one scale from 0 on`);
  }

  keep(name: string): void {
    const bits = this.#keptBits(name);
    if (!this.#narrow && this.#bound >= 2 ** bits) this.#narrowTo(bits);
    this.#keep(name);
  }

  keepHere(): string {
    const name = `${this.#writes}.${++this.#names}`;
    this.#keep(name);
    return name;
  }

  #keep(name: string): void {
    const range = this.#narrow ?? { low: -this.#bound, high: this.#bound };
    this.#push({ op: "keep", as: name });
    this.#kept.set(name, {
      ...range,
      scales: this.#scales,
      zeros: null,
      samples: [],
    });
    // Once, before what follows changes the values.
    this.#values();
  }

  /** To integers of so many bits, as calibration sees the values. */
  #narrowTo(bits: number): void {
    const { low, high } = this.#requantise(this.#chooseRequantisation(bits));
    this.#bound = Math.max(-low, high);
    this.#narrow = null;
  }

  #push(step: GatewayStep): void {
    this.steps.push(step);
    this.#pending.push(step);
    this.#shape = shapeAfter(step, this.#shape);
  }

  /** The samples with all steps applied. */
  #values(): Float64Array[] {
    const operands = this.#pending.map(operandOf).filter((name) =>
      name !== null
    );
    const applied = Array.from(this.#samples, (values, s) => {
      const tensor = { shape: this.#sampleShape, samples: [values] };
      const live = new Map(
        operands.map((name): [string, IntegerTensor] => {
          const known = this.#kept.get(name) ?? this.#operands.get(name)!;
          const sample = known.samples[s];
          return [name, { shape: [sample.length], samples: [sample] }];
        }),
      );
      const result = applySteps(this.#pending, tensor, { live }).samples[0];
      for (const step of this.#pending) {
        if (step.op !== "keep") continue;
        this.#kept.get(step.as)!.samples.push(live.get(step.as)!.samples[0]);
      }
      return result;
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

  #pool(step: GatewayStep, window: Window): void {
    if (this.#shape.join() !== window.input.join()) {
      this.#push({ op: "reshape", shape: [...window.input] });
    }
    this.#push(step);
  }

  #average(operation: Extract<GatewayOperation, { op: "averagePool" }>): void {
    const { window, counted } = operation;
    const { kernel, stride, pads } = window;
    const cells = countedCells(window, counted);
    const multiple = cells.reduce(lcm, 1);
    if (this.#shiftsOnly) {
      const isPositive = this.steps.at(-1)?.op === "relu";
      this.#summed = {
        samples: this.#values(),
        range: { low: isPositive ? 0 : -this.#bound, high: this.#bound },
        shape: [...window.input],
      };
    }
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
    const step: GatewayStep = {
      op: "requantise",
      multiplier,
      shift,
      low,
      high,
    };
    this.#push(tableOfTies(step, this.#known(), grid) ?? step);
    this.#become({ low, high }, scale);
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

  /** @param target what the model itself rounds the function's values to */
  #table(
    operation: Extract<GatewayOperation, { op: "function" }>,
    lastBits: number | null,
    target: IntegerGrid | null,
  ): void {
    const values = { ...this.#known(), samples: this.#values() };
    if (target) {
      this.#push(exactTable(operation, values, target));
      return this.#become(target, target.scale);
    }
    const bits = lastBits ??
      (this.#joins ? joinedTableBits : intermediateBits);
    const { step, unit, range } = tabulate(
      operation,
      values,
      bits,
      this.#joins ? this.#joinedInputBits : undefined,
    );
    this.#push(step);
    this.#become(range, unit);
    this.#narrow = null;
    if (lastBits !== null) this.#done = range;
  }

  /** What the values stand for, and where they lie. */
  #known() {
    const [scale] = this.#scales, bound = this.#bound;
    const narrow = this.#narrow;
    return {
      scale,
      range: narrow ?? { low: -bound, high: bound },
      isNarrow: narrow !== null,
      shiftsOnly: this.#shiftsOnly,
    };
  }

  #unnarrowed(): Range {
    const [low, high] = this.#clip;
    if (Number.isFinite(low) || Number.isFinite(high)) this.#clipTo(low, high);
    return { low: -this.#bound, high: this.#bound };
  }

  #requantise(step: Requantisation): Range {
    const { multiplier, shift, low, high } = step;
    const pool = this.steps.at(-1);
    if (this.#summed && pool?.op === "sumPool") {
      const { samples, range, shape } = this.#summed;
      const { before, after } = splitShift(
        step,
        range,
        elementCount(pool.kernel),
      );
      this.steps.pop();
      this.#pending = [];
      this.#samples = samples;
      this.#shape = this.#sampleShape = shape;
      if (before) this.#push({ op: "requantise", ...before });
      this.#push(pool);
      this.#push({ op: "requantise", ...after });
    } else {
      this.#push({ op: "requantise", multiplier, shift, low, high });
    }
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
    const { multiplier, shift } = this.#shiftsOnly
      ? asShift(choosePowerOfTwo(groups, bounds, factor))
      : asMultiplier(factor, this.#bound);
    const exact = multiplier / 2 ** shift;
    const low = Math.max(bounds.low, Math.round(clip[0] * exact));
    const high = Math.min(bounds.high, Math.round(clip[1] * exact));
    return { multiplier, shift, low, high };
  }
}

function subsampleGroups(
  samples: Float64Array[],
  scales: Float64Array,
): ValueGroup[] {
  return subsample(samples, scales.length, (value) => value)
    .map(({ values }, g) => ({ values, weight: scales[g] ** 2 }));
}
