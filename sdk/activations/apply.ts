/**
 * Applies the steps of a round to integer tensors; gateway and simulator share this code.
 *
 * @module
 */
import {
  type ActivationRegistry,
  type FaultListener,
  totalFunction,
} from "./registry.ts";
import {
  type MapShape,
  maxPool,
  meanPool,
  pooledShape,
  sumPool,
} from "./pooling.ts";
import {
  combiner,
  commonShape,
  multiplier,
  operandOf,
  productShape,
  reducedShape,
  reducer,
  squareRoot,
} from "./operands.ts";
import { leakyRelu, lookUp, relu, requantise } from "./scaling.ts";
import { transposedFrom, transposedShape, valuesAt } from "./transpose.ts";
import {
  elementCount,
  type IntegerTensor,
} from "../fixed_point/integer_tensor.ts";
import type { GatewayStep } from "../wire/plan.ts";

/** Largest magnitude up to which a number holds every integer exactly. */
const largestExact = 2 ** 53;

/** What steps use beside the values that they are applied to. */
export interface StepContext {
  /**
   * Functions for `custom` steps; a value for which one throws or gives no finite
   * number counts as 0.
   *
   * @default none
   */
  registry?: ActivationRegistry;
  /** Told the first such fault of each sample and step. */
  onFault?: FaultListener;
  /**
   * Earlier activations by name, for steps that read one; `keep` steps add theirs.
   *
   * @default none
   */
  live?: Map<string, IntegerTensor>;
}

/**
 * What the gateway does between two rounds: applies `steps`, in order, to decrypted
 * accumulators. Exact on integers; values beyond what the model's author proved
 * possible (a faulty or hostile cloud) saturate and never throw, so that the
 * gateway's next message does not depend on them.
 *
 * @param accumulators one array a sample; not changed
 * @param context what they use besides
 * @returns the activation, integers within the range of the last step
 * @throws {TypeError} if a `custom` step's function is missing
 * @throws {RangeError} if a step does not fit the shape (a faulty plan)
 *
 * @example
 * ```ts
 * import { applySteps } from "@cipherlayer/sdk/protocol";
 *
 * const activation = applySteps(
 *   [{ op: "relu" }, { op: "requantise", multiplier: 3, shift: 2, low: 0, high: 15 }],
 *   { shape: [3], samples: [Float64Array.of(-8, 8, 100)] },
 * );
 * if (activation.samples[0].join() !== "0,6,15") throw new Error("wrong values");
 * ```
 */
export function applySteps(
  steps: readonly GatewayStep[],
  accumulators: IntegerTensor,
  { registry = new Map(), onFault = () => {}, live = new Map() }: StepContext =
    {},
): IntegerTensor {
  return steps.reduce((tensor, step) => {
    if (step.op === "keep") {
      live.set(step.as, tensor);
      return tensor;
    }
    return applyStep(step, tensor, { registry, onFault, live });
  }, accumulators);
}

/**
 * Shape of one sample after `step`.
 *
 * @param operand shape of the activation that it reads, to check that it fits
 * @throws {RangeError} if the step does not fit the shape
 */
export function shapeAfter(
  step: GatewayStep,
  shape: number[],
  operand?: readonly number[],
): number[] {
  switch (step.op) {
    case "take":
      if (operand && !(endOf(step) <= elementCount(operand))) {
        throw new RangeError(
          `Cannot take: expected elements up to ${endOf(step)}, got ${
            elementCount(operand)
          }`,
        );
      }
      return step.shape;
    case "combine":
    case "matmul":
      requireCount(step.op, elementCount(shape), elementCount(step.shape));
      if (operand) {
        requireCount(
          step.op,
          elementCount(operand),
          elementCount(step.withShape),
        );
      }
      return step.op === "combine"
        ? commonShape(step.shape, step.withShape)
        : productShape(step);
    case "reduce":
      requireCount("reduce", elementCount(shape), elementCount(step.shape));
      return reducedShape(step);
    case "sumPool":
    case "meanPool":
    case "maxPool": {
      const [channels, height, width] = pooledShape(
        mapShape(step, shape),
        step,
      );
      return shape.length === 2 ? [channels, width] : [channels, height, width];
    }
    case "reshape":
      requireCount("reshape", elementCount(shape), elementCount(step.shape));
      return step.shape;
    case "transpose":
      requireCount("transpose", elementCount(shape), elementCount(step.shape));
      return transposedShape(step.shape, step.order);
    case "leakyRelu":
      if (step.negative.length !== 1 && step.negative.length !== shape[0]) {
        throw new RangeError(
          `Cannot apply leakyRelu: expected 1 or ${
            shape[0]
          } negative slopes, got ${step.negative.length}`,
        );
      }
      return shape;
    default:
      return shape;
  }
}

/** The place behind the last element that a step takes. */
function endOf(
  { start, shape }: Extract<GatewayStep, { op: "take" }>,
): number {
  return start + elementCount(shape);
}

function requireCount(op: string, found: number, expected: number): void {
  if (found === expected) return;
  throw new RangeError(
    `Cannot ${op}: expected ${expected} elements, got ${found}`,
  );
}

function applyStep(
  step: GatewayStep,
  { shape, samples }: IntegerTensor,
  { live, ...context }: Required<StepContext>,
): IntegerTensor {
  const name = operandOf(step);
  const operand = name === null ? null : live.get(name);
  if (operand === undefined) {
    throw new RangeError(
      `Cannot ${step.op}: expected an earlier activation, got "${name}"`,
    );
  }
  const after = shapeAfter(step, shape, operand?.shape);
  const each = sampleFunction(step, shape, context);
  return {
    shape: after,
    samples: samples.map((values, s) =>
      saturate(each(values, operand?.samples[s] ?? values))
    ),
  };
}

/** Makes any numbers exact ones, in place: none that is not finite, none beyond 2^53. */
function saturate(values: Float64Array): Float64Array {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    values[i] = value !== value
      ? 0
      : value > largestExact
      ? largestExact
      : value < -largestExact
      ? -largestExact
      : value;
  }
  return values;
}

function sampleFunction(
  step: GatewayStep,
  shape: number[],
  { registry, onFault }: Omit<Required<StepContext>, "live">,
): (values: Float64Array, others: Float64Array) => Float64Array {
  switch (step.op) {
    case "relu":
      return relu;
    case "leakyRelu":
      return (values) => leakyRelu(values, step);
    case "meanPool":
      return (values) => meanPool(values, mapShape(step, shape), step);
    case "sumPool":
      return (values) => sumPool(values, mapShape(step, shape), step);
    case "maxPool":
      return (values) => maxPool(values, mapShape(step, shape), step);
    case "requantise":
      return (values) => requantise(values, step, step.low, step.high);
    case "lookup":
      return (values) => lookUp(values, step, step.low, step.table);
    case "reshape":
      return (values) => values.slice();
    case "transpose": {
      const from = transposedFrom(step.shape, step.order);
      return (values) => valuesAt(values, from);
    }
    case "keep":
      return (values) => values;
    case "take":
      return (_, others) => others.slice(step.start, endOf(step));
    case "combine":
      return combiner(step);
    case "matmul":
      return multiplier(step);
    case "reduce":
      return reducer(step);
    case "squareRoot":
      return (values) => squareRoot(values, step.addend);
    case "selectLargest":
      return selectLargest;
    case "isNonNegative":
      return (values) => values.map((x) => x >= 0 ? 1 : 0);
    case "custom": {
      const { name, inputScale, outputScale, low, high } = step;
      const f = totalFunction(name, registry, onFault);
      return (values) =>
        values.map((x) => {
          const y = Math.round(f(x * inputScale) / outputScale);
          return Math.min(Math.max(y, low), high) + 0; // no -0
        });
    }
  }
}

/** 1 at the first of the largest values, 0 elsewhere; looks at every value, wherever it is. */
function selectLargest(values: Float64Array): Float64Array {
  const selector = new Float64Array(values.length);
  let largest = 0;
  for (let i = 1; i < values.length; i++) {
    if (values[i] > values[largest]) largest = i;
  }
  selector[largest] = 1;
  return selector;
}

/** Maps of a pooling step; a 1-D signal [channels, length] has height 1. */
function mapShape(step: GatewayStep, shape: number[]): MapShape {
  if (shape.length === 2) return [shape[0], 1, shape[1]];
  if (shape.length === 3) return [shape[0], shape[1], shape[2]];
  throw new RangeError(
    `Cannot apply ${step.op}: expected [channels, height, width], got [${
      shape.join(", ")
    }]`,
  );
}
