/**
 * Shapes and axes of the operators that move elements about.
 *
 * @module
 */
import {
  numberAttribute,
  numbersAttribute,
  type OnnxNode,
} from "../onnx/graph.ts";
import { sizeOf, type Tensor } from "../onnx/tensor.ts";

/**
 * An axis counted from the front.
 *
 * @param end the axis after the last is one too
 * @throws {RangeError} where there is no such axis
 */
export function normaliseAxis(axis: number, rank: number, end = false): number {
  const from = axis < 0 ? axis + rank : axis;
  if (Number.isInteger(axis) && from >= 0 && from < rank + Number(end)) {
    return from;
  }
  throw new RangeError(`Cannot use axis ${axis} of ${rank}`);
}

/** A list that older opsets hold as an attribute and newer ones as an input. */
export function listOf(
  node: OnnxNode,
  name: string,
  input: Tensor | null | undefined,
): number[] | null {
  return input ? [...input.data] : numbersAttribute(node, name);
}

/** The shape that Reshape asks for, with 0 (keep) and -1 (what is left) resolved. */
export function resolveReshape(
  node: OnnxNode,
  from: readonly number[],
  target: readonly number[],
): number[] {
  const keepZero = numberAttribute(node, "allowzero", 0) === 1;
  const shape = target.map((length, axis) =>
    length === 0 && !keepZero ? from[axis] : length
  );
  const open = shape.indexOf(-1);
  const size = sizeOf(from);
  if (open >= 0) shape[open] = size / -sizeOf(shape);
  const whole = shape.every((length) =>
    Number.isInteger(length) && length >= 0
  );
  if (!whole || sizeOf(shape) !== size) {
    throw new RangeError(`Cannot reshape [${from}] to [${target}]`);
  }
  return shape;
}

export function unsqueezeShape(
  node: OnnxNode,
  from: readonly number[],
  axesInput: Tensor | null | undefined,
): number[] {
  const axes = listOf(node, "axes", axesInput) ?? [];
  const rank = from.length + axes.length;
  const added = new Set(axes.map((axis) => normaliseAxis(axis, rank)));
  if (added.size < axes.length) {
    throw new RangeError(`Cannot add axes [${axes}]: one is named twice`);
  }
  const rest = [...from];
  return Array.from(
    { length: rank },
    (_, axis) => added.has(axis) ? 1 : rest.shift()!,
  );
}

export function squeezeShape(
  node: OnnxNode,
  from: readonly number[],
  axesInput: Tensor | null | undefined,
): number[] {
  const axes = listOf(node, "axes", axesInput)
    ?.map((axis) => normaliseAxis(axis, from.length));
  if (axes?.some((axis) => from[axis] !== 1)) {
    throw new RangeError(`Cannot leave out axes [${axes}] of [${from}]`);
  }
  return from.filter((length, axis) =>
    axes ? !axes.includes(axis) : length !== 1
  );
}

export function transposeOrder(node: OnnxNode, rank: number): number[] {
  const reversed = Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  const order = numbersAttribute(node, "perm") ?? reversed;
  if (order.toSorted((a, b) => b - a).join() !== reversed.join()) {
    throw new RangeError(`Cannot transpose ${rank} axes in order [${order}]`);
  }
  return order;
}

export function concatShape(
  node: OnnxNode,
  shapes: readonly (readonly number[])[],
): { axis: number; shape: number[] } {
  const axis = normaliseAxis(
    numberAttribute(node, "axis", 1),
    shapes[0].length,
  );
  for (const other of shapes) {
    const fits = other.length === shapes[0].length &&
      other.every((length, i) => i === axis || length === shapes[0][i]);
    if (!fits) {
      throw new RangeError(
        `Cannot join shapes [${shapes[0]}] and [${other}] along axis ${axis}`,
      );
    }
  }
  const shape = [...shapes[0]];
  shape[axis] = shapes.reduce((sum, other) => sum + other[axis], 0);
  return { axis, shape };
}

/** For each axis where a slice starts and in what steps it goes on; its shape. */
export interface SliceRanges {
  starts: number[];
  steps: number[];
  shape: number[];
}

/** Start and step along every axis, and the shape that results. */
export function sliceRanges(
  node: OnnxNode,
  from: readonly number[],
  inputs: readonly (Tensor | null)[],
): SliceRanges {
  const givenStarts = listOf(node, "starts", inputs[1]) ?? [];
  const givenEnds = listOf(node, "ends", inputs[2]) ?? [];
  const axes = listOf(node, "axes", inputs[3]) ??
    givenStarts.map((_, i) => i);
  const givenSteps = inputs[4] ? [...inputs[4].data] : givenStarts.map(() => 1);
  const lists = [givenStarts, givenEnds, givenSteps, axes];
  const sound =
    lists.every((list) =>
      list.length === axes.length && list.every(Number.isInteger)
    ) && !givenSteps.includes(0);
  if (!sound) {
    throw new RangeError(
      `Cannot slice axes [${axes}] from [${givenStarts}] to [${givenEnds}] by [${givenSteps}]`,
    );
  }
  const starts = from.map(() => 0), steps = from.map(() => 1);
  const shape = [...from];
  axes.forEach((given, i) => {
    const axis = normaliseAxis(given, from.length);
    const length = from[axis], step = givenSteps[i];
    const clamp = (at: number, low: number, high: number) =>
      Math.min(Math.max(at < 0 ? at + length : at, low), high);
    const start = step > 0
      ? clamp(givenStarts[i], 0, length)
      : clamp(givenStarts[i], 0, length - 1);
    const end = step > 0
      ? clamp(givenEnds[i], 0, length)
      : clamp(givenEnds[i], -1, length - 1);
    starts[axis] = start;
    steps[axis] = step;
    shape[axis] = Math.max(0, Math.ceil((end - start) / step));
  });
  return { starts, steps, shape };
}

/** `kept`: reduced axes at length 1; `shape`: as the node gives it. */
export function reductionAxes(
  node: OnnxNode,
  from: readonly number[],
  axesInput: Tensor | null,
): { axes: number[]; kept: number[]; shape: number[] } {
  const given = listOf(node, "axes", axesInput);
  const none = numberAttribute(node, "noop_with_empty_axes", 0) === 1;
  const axes = given?.length
    ? given.map((axis) => normaliseAxis(axis, from.length))
    : none
    ? []
    : from.map((_, axis) => axis);
  const kept = from.map((length, axis) => axes.includes(axis) ? 1 : length);
  const shape = numberAttribute(node, "keepdims", 1) === 1
    ? kept
    : from.filter((_, axis) => !axes.includes(axis));
  return { axes, kept, shape };
}
