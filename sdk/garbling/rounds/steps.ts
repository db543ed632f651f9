/**
 * A round's steps as stages of circuits: what `applySteps` computes, bit for bit.
 *
 * @module
 */
import { shapeAfter } from "../../activations/apply.ts";
import { namesPlaces } from "../../activations/operands.ts";
import { elementCount } from "../../fixed_point/integer_tensor.ts";
import { CipherlayerError } from "../../support/errors.ts";
import type { GatewayStep } from "../../wire/plan.ts";
import { Circuit } from "../circuit.ts";
import {
  isNonNegative,
  largest,
  leakyRelu,
  lookUp,
  relu,
  requantise,
  selectLargest,
  sum,
} from "../circuits/activations.ts";
import {
  constant,
  multiply,
  resize,
  signedBits,
  type Value,
  valueOf,
} from "../circuits/integers.ts";
import { prune } from "../prune.ts";
import { BuildBudget } from "./build_budget.ts";
import { roundingBefore, simplify } from "./simplify.ts";
import type { Part, Range, Stage } from "./stage.ts";
import { type JoiningStep, windowsOf } from "./windows.ts";

/** Activations between two stages: `samples` of `shape`, one after another. */
export interface Elements extends Range {
  shape: number[];
  samples: number;
}

/** Largest magnitude up to which `applySteps` does not saturate. */
const largestExact = 2 ** 53;

/**
 * The stages of `steps`, and what they give.
 *
 * @param rounding what `start` carries beside the values, as `roundingOf` says
 * @param budget of the plan; by default of these steps alone
 * @throws {CipherlayerError} `unsupported` if a step has no circuit or leaves the exact
 * integers, or the budget is spent
 */
export function stepStages(
  steps: readonly GatewayStep[],
  start: Elements,
  rounding = 0,
  budget: BuildBudget = new BuildBudget(),
): { stages: Stage[]; elements: Elements } {
  const unsealable = steps.find(isUnsealable);
  if (unsealable) refuseStep(unsealable);
  const stages: Stage[] = [];
  let elements = start, rest = simplify(steps);
  while (rest.length > 0) {
    const { head, tail } = firstRun(rest);
    rest = rest.slice((head ? 1 : 0) + tail.length);
    if (!head && tail.every(({ op }) => op === "reshape")) {
      elements = { ...elements, shape: shapeOf(tail, elements.shape) };
      continue;
    }
    const next = head?.op === "selectLargest"
      ? selectionStage(elements, budget)
      : runStage(head, tail, elements, {
        rounding: stages.length === 0 ? rounding : 0,
        budget,
      });
    stages.push(next.stage);
    elements = next.elements;
  }
  return { stages, elements };
}

type Head = JoiningStep | Extract<GatewayStep, { op: "selectLargest" }>;

/** Steps that go into one stage: one that joins elements, and those on single ones after it. */
function firstRun(
  steps: readonly GatewayStep[],
): { head: Head | null; tail: GatewayStep[] } {
  const head = joins(steps[0]) ? steps[0] : null;
  const after = steps.slice(head ? 1 : 0);
  if (head?.op === "selectLargest") return { head, tail: [] };
  const end = after.findIndex(joins);
  return { head, tail: after.slice(0, end < 0 ? after.length : end) };
}

const joins = (step: GatewayStep): step is Head =>
  step.op === "sumPool" || step.op === "meanPool" || step.op === "maxPool" ||
  step.op === "transpose" || step.op === "selectLargest";

const shapeOf = (steps: readonly GatewayStep[], shape: number[]): number[] =>
  steps.reduce((before, step) => shapeAfter(step, before), shape);

interface Built {
  stage: Stage;
  elements: Elements;
}

/** Lanes of equal circuits, while they are collected. */
interface Kind {
  factor: number;
  slopes: number[];
  /** [lane][operand] */
  cells: number[][];
  results: number[];
}

function runStage(
  head: JoiningStep | null,
  tail: readonly GatewayStep[],
  before: Elements,
  { rounding, budget }: { rounding: number; budget: BuildBudget },
): Built {
  const { samples } = before, size = elementCount(before.shape);
  const joined = head ? shapeAfter(head, before.shape) : before.shape;
  const cells = head && "kernel" in head ? elementCount(head.kernel) : 1;
  spendOperands(budget, before, samples * elementCount(joined) * cells);
  const windows = head
    ? windowsOf(head, before.shape)
    : Array.from({ length: size }, (_, i) => ({ cells: [i], factor: 1 }));
  const slopesOf = slopeReader(tail, joined);
  const kinds = new Map<string, Kind>();
  for (let sample = 0; sample < samples; sample++) {
    windows.forEach(({ cells, factor }, i) => {
      const slopes = slopesOf(i);
      const key = [cells.length, factor, ...slopes].join();
      let kind = kinds.get(key);
      if (!kind) {
        kinds.set(key, kind = { factor, slopes, cells: [], results: [] });
      }
      kind.cells.push(cells.map((cell) => sample * size + cell));
      kind.results.push(sample * windows.length + i);
    });
  }
  const built = [...kinds.values()].map((kind) => {
    const circuit = new Circuit();
    const operands = kind.cells[0].map(() =>
      valueOf(circuit.word(bitsOf(before)), before.low, before.high)
    );
    let carried = head?.op === "sumPool"
      ? roundingOfSum(operands.length, tail)
      : rounding;
    const { factor } = kind;
    const joint = exact(
      head,
      join(circuit, head, operands, { factor, more: head ? carried : 0 }),
    );
    const slopes = kind.slopes.values();
    const value = tail.reduce((x, step) => {
      const next = applyTo(circuit, step, x, { slopes, rounding: carried });
      if (step.op !== "reshape") carried = 0;
      return exact(step, next);
    }, joint);
    spendGates(budget, circuit, kind.results.length);
    return { circuit, value, kind };
  });
  const range = unionOf(built.map(({ value }) => value));
  const bits = bitsOf(range);
  const parts = built.map(({ circuit, value, kind }): Part => {
    circuit.output(...resize(value.bits, bits));
    return {
      circuit: prune(circuit),
      lanes: kind.results.length,
      operands: kind.cells[0].map((_, k) =>
        Int32Array.from(kind.cells, (cells) => cells[k])
      ),
      results: [Int32Array.from(kind.results)],
      known: null,
    };
  });
  return {
    stage: {
      operandBits: bitsOf(before),
      parts,
      elements: { count: samples * windows.length, bits },
    },
    elements: { ...range, samples, shape: shapeOf(tail, joined) },
  };
}

/** What adders of `terms` terms take in for nothing to round the scaling after them. */
function roundingOfSum(terms: number, [next]: readonly GatewayStep[]): number {
  const rounding = next ? roundingBefore(next) : 0;
  return rounding < terms ? rounding : 0;
}

function selectionStage(before: Elements, budget: BuildBudget): Built {
  const { samples } = before, size = elementCount(before.shape);
  spendOperands(budget, before, samples * size);
  const circuit = new Circuit(), operandBits = bitsOf(before);
  const values = Array.from(
    { length: size },
    () => valueOf(circuit.word(operandBits), before.low, before.high),
  );
  const range = { low: 0, high: 1 }, bits = bitsOf(range);
  for (const selector of selectLargest(circuit, values)) {
    circuit.output(...resize(selector.bits, bits));
  }
  spendGates(budget, circuit, samples);
  const places = values.map((_, i) =>
    Int32Array.from({ length: samples }, (_, sample) => sample * size + i)
  );
  return {
    stage: {
      operandBits,
      parts: [{
        circuit: prune(circuit),
        lanes: samples,
        operands: places,
        results: places,
        known: null,
      }],
      elements: { count: samples * size, bits },
    },
    elements: { ...before, ...range },
  };
}

function spendOperands(
  budget: BuildBudget,
  range: Range,
  operands: number,
): void {
  budget.spend("places", operands);
  budget.spend("labels", operands * bitsOf(range));
}

function spendGates(
  budget: BuildBudget,
  { gates }: Circuit,
  lanes: number,
): void {
  budget.spend("gates", gates.length);
  budget.spend("laneGates", gates.length * lanes);
}

function join(
  c: Circuit,
  head: JoiningStep | null,
  operands: readonly Value[],
  { factor, more }: { factor: number; more: number },
): Value {
  // A window that lies wholly in the padding gives 0, whatever the step.
  if (operands.length === 0) return constant(0);
  if (head?.op === "maxPool") return largest(c, operands);
  return multiply(c, sum(c, operands, more), factor);
}

function applyTo(
  c: Circuit,
  step: GatewayStep,
  x: Value,
  { slopes, rounding }: {
    slopes: Iterator<number, undefined>;
    rounding: number;
  },
): Value {
  switch (step.op) {
    case "relu":
      return relu(c, x);
    case "leakyRelu":
      return leakyRelu(c, x, step.positive, slopes.next().value!);
    case "requantise":
      exact(step, scaledRange(x, step));
      return requantise(c, x, step, step, rounding);
    case "lookup": {
      exact(step, scaledRange(x, step));
      const { low, table } = step;
      const index = requantise(c, x, step, {
        low,
        high: low + table.length - 1,
      });
      return lookUp(c, index, low, table);
    }
    case "isNonNegative":
      return isNonNegative(c, x);
    case "reshape":
      return x;
    default:
      refuseStep(step);
  }
}

/** Whether a step has no circuit wherever it stands. */
const isUnsealable = (step: GatewayStep): boolean =>
  step.op === "custom" || step.op === "squareRoot" ||
  (namesPlaces(step) && step.op !== "transpose");

function refuseStep(step: GatewayStep): never {
  throw new CipherlayerError(
    "unsupported",
    `Cannot seal step ${
      step.op === "custom" ? `custom "${step.name}"` : step.op
    }: expected one that has a circuit; a table of its values has`,
  );
}

/** Of each element of a run, the negative slopes of its leakyRelu steps in order. */
function slopeReader(
  tail: readonly GatewayStep[],
  shape: number[],
): (element: number) => number[] {
  const size = elementCount(shape);
  const lists = tail.flatMap((step, i) => {
    // Checks, too, that the slopes fit the channels where the step stands.
    shapeAfter(step, shapeOf(tail.slice(0, i), shape));
    return step.op === "leakyRelu" ? [step.negative] : [];
  });
  return (element) =>
    lists.map((slopes) => slopes[Math.floor(element * slopes.length / size)]);
}

const scaledRange = (
  { low, high }: Range,
  { multiplier, shift }: { multiplier: number; shift: number },
): Range => ({
  low: low * multiplier,
  high: high * multiplier + 2 ** (shift - 1),
});

function exact<T extends Range>(step: GatewayStep | null, value: T): T {
  if (Math.max(-value.low, value.high) <= largestExact) return value;
  throw new CipherlayerError(
    "unsupported",
    `Cannot seal step ${step?.op}: expected integers within 2^53, got up to ${
      Math.max(-value.low, value.high)
    }`,
  );
}

const unionOf = (ranges: readonly Range[]): Range => ({
  low: Math.min(...ranges.map(({ low }) => low)),
  high: Math.max(...ranges.map(({ high }) => high)),
});

/** Bits of two's complement of each element. */
export const bitsOf = ({ low, high }: Range): number => signedBits(low, high);
