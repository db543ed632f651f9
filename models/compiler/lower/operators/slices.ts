/**
 * Operators that take some of the elements, or put tensors side by side.
 *
 * @module
 */
import type { LinearMap } from "../../ir.ts";
import { numberAttribute } from "../../onnx/graph.ts";
import { gridIndex, sizeOf, stridesOf } from "../../onnx/tensor.ts";
import {
  constantInput,
  constants,
  dynamicInput,
  type DynamicValue,
  linearResult,
  type OperatorCall,
  type OperatorRule,
  shapeOf,
} from "../operator_call.ts";
import {
  concatShape,
  listOf,
  normaliseAxis,
  type SliceRanges,
  sliceRanges,
} from "../shapes.ts";
import { UnsupportedNodeError } from "../unsupported.ts";
import { addValues, gridOf, type LinearValue } from "../values.ts";
import { channelSelection, selection } from "./selection.ts";

/** Consecutive parts along one axis. */
const split: OperatorRule = (call) => {
  const { node } = call;
  const value = dynamicInput(call, 0);
  const axis = normaliseAxis(
    numberAttribute(node, "axis", 0),
    value.shape.length,
  );
  const length = value.shape[axis], count = node.outputs.length;
  const each = Math.ceil(length / count);
  const lengths = listOf(node, "split", constantInput(call, 1)) ??
    node.outputs.map((_, i) => Math.min(each, length - i * each));
  const isSound = lengths.length === count &&
    lengths.every((part) => Number.isInteger(part) && part > 0) &&
    lengths.reduce((a, b) => a + b) === length;
  if (!isSound) {
    throw new UnsupportedNodeError(
      `parts of [${lengths}] are not ${count} of axis ${axis} of [${value.shape}]`,
      "correct the model",
    );
  }
  let start = 0;
  return lengths.map((part) => {
    const starts = value.shape.map((_, i) => i === axis ? start : 0);
    start += part;
    const shape = value.shape.with(axis, part);
    const steps = value.shape.map(() => 1);
    return applySlice(call, value, { starts, steps, shape });
  });
};

const slice: OperatorRule = (call) => {
  const value = dynamicInput(call, 0);
  const ranges = sliceRanges(call.node, value.shape, constants(call));
  return applySlice(call, value, ranges);
};

/** Elements of `value` from `starts` on, in steps. */
export function applySlice(
  call: OperatorCall,
  value: DynamicValue,
  { starts, steps, shape }: SliceRanges,
): LinearValue {
  const strides = stridesOf(value.shape);
  const offset = starts.reduce((sum, s, axis) => sum + s * strides[axis], 0);
  const along = steps.map((step, axis) => step * strides[axis]);
  const maps: LinearMap[] = [
    selection(value.shape, gridIndex(shape, along, offset)),
  ];
  const from = gridOf(value.shape), to = gridOf(shape);
  if (from && to && steps.every((step) => step > 0)) {
    const [y, x] = from[1] === 1 && value.shape.length === 3
      ? [{ start: 0, step: 1 }, { start: starts[2], step: steps[2] }]
      : [2, 3].map((axis) => ({ start: starts[axis], step: steps[axis] }));
    maps.unshift(channelSelection(from, to, {
      channel: (c) => starts[1] + steps[1] * c,
      origin: [y.start, x.start],
      stride: [y.step, x.step],
    }));
  }
  return linearResult(call, value, maps, shape);
}

/** Elements by constant places along one axis. */
const gather: OperatorRule = (call) => {
  const value = dynamicInput(call, 0);
  const places = constantInput(call, 1)!;
  const rank = value.shape.length;
  const axis = normaliseAxis(numberAttribute(call.node, "axis", 0), rank);
  const chosen = [...places.data].map((at) =>
    normaliseAxis(at, value.shape[axis])
  );
  const shape = value.shape.toSpliced(axis, 1, ...places.shape);
  const inner = sizeOf(value.shape.slice(axis + 1));
  const outer = sizeOf(value.shape.slice(0, axis));
  const index = Int32Array.from(
    { length: outer * chosen.length * inner },
    (_, i) => {
      const block = Math.floor(i / (chosen.length * inner));
      const at = chosen[Math.floor(i / inner) % chosen.length];
      return (block * value.shape[axis] + at) * inner + i % inner;
    },
  );
  const maps: LinearMap[] = [selection(value.shape, index)];
  const from = gridOf(value.shape);
  if (axis === 1 && from) {
    maps.unshift(channelSelection(from, [chosen.length, from[1], from[2]], {
      channel: (c) => chosen[c],
      origin: [0, 0],
      stride: [1, 1],
    }));
  }
  return linearResult(call, value, maps, shape);
};

const concat: OperatorRule = (call) => {
  const shapes = call.inputs.map((value) => shapeOf(value!));
  const { axis, shape } = concatShape(call.node, shapes);
  const strides = stridesOf(shape);
  const to = gridOf(shape);
  let sum: LinearValue = {
    kind: "linear",
    shape,
    terms: [],
    bias: new Float64Array(sizeOf(shape)),
  };
  let offset = 0;
  call.inputs.forEach((value, i) => {
    const targets = gridIndex(shapes[i], strides, offset * strides[axis]);
    if (value?.kind === "constant") {
      const { data } = value.tensor;
      targets.forEach((at, j) => sum.bias[at] += data[j]);
    } else {
      const index = new Int32Array(sizeOf(shape)).fill(-1);
      targets.forEach((at, j) => index[at] = j);
      const maps: LinearMap[] = [selection(shapes[i], index)];
      const from = gridOf(shapes[i]);
      if (axis === 1 && from && to) {
        const first = offset;
        maps.unshift(channelSelection(from, to, {
          channel: (c) => c - first,
          origin: [0, 0],
          stride: [1, 1],
        }));
      }
      sum = addValues(sum, linearResult(call, value!, maps, shape));
    }
    offset += shapes[i][axis];
  });
  return sum;
};

export const sliceRules: Record<string, OperatorRule> = {
  Slice: slice,
  Split: split,
  Gather: gather,
  Concat: concat,
};
