/** Operators that move elements about: views where possible, selections otherwise. */
import type { Convolution, Grid, LinearMap, Selection } from "../../ir.ts";
import { numberAttribute, stringAttribute } from "../../onnx/graph.ts";
import {
  checkedSize,
  gridIndex,
  sizeOf,
  stridesOf,
} from "../../onnx/tensor.ts";
import { foldConstant, isFloatType } from "../constants.ts";
import { transposedFrom } from "../../../../sdk/activations/transpose.ts";
import { joinAxes, pickChannels } from "../permutation.ts";
import { matrixLimit } from "../linear_map.ts";
import {
  constantInput,
  constants,
  constantValue,
  dynamicInput,
  type DynamicValue,
  edgeResult,
  isSoleReader,
  linearResult,
  type OperatorCall,
  type OperatorRule,
  reshaped,
  shapeOf,
} from "../operator_call.ts";
import {
  concatShape,
  listOf,
  normaliseAxis,
  reductionAxes,
  resolveReshape,
  sliceRanges,
  squeezeShape,
  transposeOrder,
  unsqueezeShape,
} from "../shapes.ts";
import { UnsupportedNodeError } from "../unsupported.ts";
import { addValues, gridOf, type LinearValue } from "../values.ts";
import { matrixOf } from "./linear.ts";
import { spatialMean } from "./pooling.ts";

const identityRule: OperatorRule = (call) => dynamicInput(call, 0);

/** Casts between types of real numbers; others truncate. */
const cast: OperatorRule = (call) => {
  const type = numberAttribute(call.node, "to", 1);
  if (isFloatType(type)) return dynamicInput(call, 0);
  throw new UnsupportedNodeError(
    `it casts what depends on the reading to ONNX's type ${type}, which truncates it`,
    "use Floor, or leave the cast out",
  );
};

const shape: OperatorRule = (call) => {
  const lengths = shapeOf(call.inputs[0]!);
  const from = numberAttribute(call.node, "start", 0);
  const to = numberAttribute(call.node, "end", lengths.length);
  const data = Float64Array.from(lengths.slice(from, to));
  return constantValue({ type: "integer", shape: [data.length], data });
};

const reshape: OperatorRule = (call) => {
  const value = dynamicInput(call, 0);
  const target = [...constantInput(call, 1)!.data];
  // A batch that the exporter fixed is one sample here.
  if (call.batch > 1 && target[0] === call.batch) target[0] = 1;
  return reshaped(value, resolveReshape(call.node, value.shape, target));
};

const flatten: OperatorRule = (call) => {
  const value = dynamicInput(call, 0);
  const axis = normaliseAxis(
    numberAttribute(call.node, "axis", 1),
    value.shape.length,
    true,
  );
  const rows = sizeOf(value.shape.slice(0, axis));
  return reshaped(value, [rows, sizeOf(value.shape) / rows]);
};

const squeeze: OperatorRule = (call) => {
  const value = dynamicInput(call, 0);
  const axes = constantInput(call, 1);
  return reshaped(value, squeezeShape(call.node, value.shape, axes));
};

const unsqueeze: OperatorRule = (call) => {
  const value = dynamicInput(call, 0);
  const axes = constantInput(call, 1);
  return reshaped(value, unsqueezeShape(call.node, value.shape, axes));
};

const transpose: OperatorRule = (call) => {
  const value = dynamicInput(call, 0);
  const order = transposeOrder(call.node, value.shape.length);
  const to = order.map((axis) => value.shape[axis]);
  return transposed(call, value, order, to);
};

/** The value, in the order of its axes given, under the shape `to`. */
function transposed(
  call: OperatorCall,
  value: DynamicValue,
  order: number[],
  to: number[],
): DynamicValue {
  const joined = joinAxes(value.shape, order);
  if (joined.order.length < 2) return reshaped(value, to) as DynamicValue;
  const operation = { op: "transpose" as const, ...joined };
  const isPending = value.kind === "edge" && value.activation === null;
  if (isPending && isSoleReader(call, 0)) {
    return edgeResult(call, operation, to, value);
  }
  const index = transposedFrom(joined.shape, joined.order);
  const map = selection(value.shape, index);
  const linear = call.rounds.toLinear(value);
  return linear.terms.every(({ map: inner }) => permutesCheaply(map, inner))
    ? linearResult(call, linear, [map], to)
    : edgeResult(call, operation, to, linear, false);
}

/** Largest matrix that elements in another order may be written out to. */
const maxPermuted = 2 ** 16;

/** Whether a permutation behind `inner` costs nothing, or hardly anything. */
function permutesCheaply(map: Selection, inner: LinearMap): boolean {
  return inner.kind !== "convolution" || pickChannels(map, inner) !== null ||
    map.index.length * map.columns <= maxPermuted;
}

/** Blocks of space as channels, and back: views around a transpose. */
const spaceToDepth: OperatorRule = (call) => {
  const { value, channels, height, width, block } = blocks(call);
  const seen = [channels, height / block, block, width / block, block];
  const to = [1, channels * block ** 2, height / block, width / block];
  const order = [2, 4, 0, 1, 3];
  return transposed(call, reshaped(value, seen) as DynamicValue, order, to);
};

const depthToSpace: OperatorRule = (call) => {
  const { value, channels, height, width, block } = blocks(call);
  const rest = channels / block ** 2;
  const isColumnFirst = stringAttribute(call.node, "mode", "DCR") === "CRD";
  const [seen, order] = isColumnFirst
    ? [[rest, block, block, height, width], [0, 3, 1, 4, 2]]
    : [[block, block, rest, height, width], [2, 3, 0, 4, 1]];
  const to = [1, rest, height * block, width * block];
  return transposed(call, reshaped(value, seen) as DynamicValue, order, to);
};

/** Input and block length of SpaceToDepth and DepthToSpace. */
function blocks(call: OperatorCall) {
  const { node } = call;
  const value = dynamicInput(call, 0);
  const grid = value.shape.length === 4 ? gridOf(value.shape) : null;
  const block = numberAttribute(node, "blocksize", 0);
  const [channels, height, width] = grid ?? [0, 0, 0];
  const parts = node.operator === "SpaceToDepth"
    ? [height / block, width / block]
    : [channels / block ** 2];
  if (!grid || !(block >= 1) || !parts.every(Number.isInteger)) {
    throw new UnsupportedNodeError(
      `blocks of ${block} do not fit a tensor of shape [${value.shape}]`,
      "correct the model",
    );
  }
  return { value, channels, height, width, block };
}

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
    return sliced(call, value, starts, value.shape.map(() => 1), shape);
  });
};

const slice: OperatorRule = (call) => {
  const value = dynamicInput(call, 0);
  const { starts, steps, shape } = sliceRanges(
    call.node,
    value.shape,
    constants(call),
  );
  return sliced(call, value, starts, steps, shape);
};

/** Elements of `value` from `starts` on, in steps. */
function sliced(
  call: OperatorCall,
  value: DynamicValue,
  starts: number[],
  steps: number[],
  shape: number[],
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

const pad: OperatorRule = (call) => {
  const { node } = call;
  const value = dynamicInput(call, 0);
  const rank = value.shape.length;
  const mode = stringAttribute(node, "mode", "constant");
  const given = listOf(node, "pads", constantInput(call, 1)) ?? [];
  const fill = constantInput(call, 2)?.data[0] ??
    numberAttribute(node, "value", 0);
  const axes = constantInput(call, 3)?.data ?? value.shape.map((_, i) => i);
  if (given.length !== 2 * axes.length || !given.every(Number.isInteger)) {
    throw new UnsupportedNodeError(
      `pads ${given} do not fit ${axes.length} axes`,
      "correct the model",
    );
  }
  const before = new Array<number>(rank).fill(0);
  const after = new Array<number>(rank).fill(0);
  [...axes].forEach((axis, i) => {
    before[normaliseAxis(axis, rank)] = given[i];
    after[normaliseAxis(axis, rank)] = given[i + given.length / 2];
  });
  if (given.every((length) => length === 0)) return value;

  const to = value.shape.map((length, axis) =>
    before[axis] + length + after[axis]
  );
  const index = padIndex(value.shape, to, before, mode);
  const maps: LinearMap[] = [selection(value.shape, index)];
  const grid = gridOf(value.shape), padded = gridOf(to);
  if (grid && padded && mode === "constant") {
    const signal = rank === 3;
    maps.unshift(channelSelection(grid, padded, {
      channel: (c) => c - before[1],
      origin: signal ? [0, -before[2]] : [-before[2], -before[3]],
      stride: [1, 1],
    }));
  }
  const result = linearResult(call, value, maps, to);
  if (fill === 0 || mode !== "constant") return result;
  return {
    ...result,
    bias: result.bias.map((b, i) => index[i] < 0 ? fill : b),
  };
};

/** For each element of the padded shape its source, -1 for the constant. */
function padIndex(
  from: number[],
  to: number[],
  before: number[],
  mode: string,
): Int32Array {
  const size = checkedSize(to);
  const sources = to.map((length, axis) =>
    Array.from(
      { length },
      (_, i) => paddedSource(i - before[axis], from[axis], mode),
    )
  );
  const strides = stridesOf(from), toStrides = stridesOf(to);
  return Int32Array.from({ length: size }, (_, i) => {
    let at = 0;
    for (let axis = 0; axis < to.length; axis++) {
      const source = sources[axis][Math.floor(i / toStrides[axis]) % to[axis]];
      if (source < 0) return -1;
      at += source * strides[axis];
    }
    return at;
  });
}

function paddedSource(at: number, length: number, mode: string): number {
  if (at >= 0 && at < length) return at;
  if (mode === "reflect" && (at <= -length || at > 2 * (length - 1))) {
    throw new UnsupportedNodeError(
      `it reflects more than the ${length - 1} elements that there are`,
      "pad by less",
    );
  }
  switch (mode) {
    case "constant":
      return -1;
    case "edge":
      return at < 0 ? 0 : length - 1;
    case "reflect":
      return at < 0 ? -at : 2 * (length - 1) - at;
    case "wrap":
      return (at % length + length) % length;
    default:
      throw new UnsupportedNodeError(
        `its mode "${mode}" is not known`,
        "use constant, edge, reflect or wrap",
      );
  }
}

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

function selection(shape: number[], index: Int32Array): Selection {
  return { kind: "selection", columns: sizeOf(shape), index };
}

/**
 * Picking channels and a regular part of space, as a 1x1 convolution: so that it
 * can join the convolutions around it.
 *
 * @param pick channel of the source for a channel of the result (outside: zeros),
 * first row and column (may be negative), and steps
 */
function channelSelection(
  from: Grid,
  to: Grid,
  pick: {
    channel: (c: number) => number;
    origin: [number, number];
    stride: [number, number];
  },
): Convolution {
  const weights = new Float64Array(to[0] * from[0]);
  for (let c = 0; c < to[0]; c++) {
    const source = pick.channel(c);
    if (source >= 0 && source < from[0]) weights[c * from[0] + source] = 1;
  }
  const depthwise = from[0] === to[0] &&
    weights.every((w, i) => w === (i % (from[0] + 1) === 0 ? 1 : 0));
  const behind = (axis: 0 | 1) => {
    const min = (to[axis + 1] - 1) * pick.stride[axis] + 1 -
      from[axis + 1] + pick.origin[axis];
    return Math.max(min, Math.min(0, min + pick.stride[axis] - 1));
  };
  return {
    kind: "convolution",
    input: from,
    output: to,
    kernel: [1, 1],
    stride: pick.stride,
    dilation: [1, 1],
    // 0 - x: no negative zero.
    pads: [0 - pick.origin[0], 0 - pick.origin[1], behind(0), behind(1)],
    groups: depthwise ? from[0] : 1,
    weights: depthwise ? new Float64Array(from[0]).fill(1) : weights,
  };
}

const reduceMean: OperatorRule = (call) => {
  const value = dynamicInput(call, 0);
  const { node } = call;
  const known = constants(call);
  const { axes, shape } = reductionAxes(node, value.shape, known[1] ?? null);
  const spatial = value.shape.map((_, axis) => axis).slice(2);
  if (
    gridOf(value.shape) && node.operator === "ReduceMean" &&
    axes.toSorted().join() === spatial.join()
  ) {
    return spatialMean(call, shape);
  }
  const columns = sizeOf(value.shape), rows = sizeOf(shape);
  if (rows * columns > matrixLimit) {
    throw new UnsupportedNodeError(
      `written out it is a matrix of ${rows} x ${columns}`,
      "reduce over all of space, or work on smaller tensors",
    );
  }
  const map = matrixOf(
    columns,
    rows,
    value.shape,
    (x) => foldConstant(node, [x, ...known.slice(1)])!,
  );
  return linearResult(call, value, [map], shape);
};

export const shapeRules: Record<string, OperatorRule> = {
  Identity: identityRule,
  Dropout: identityRule,
  Cast: cast,
  Shape: shape,
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Slice: slice,
  Split: split,
  Gather: gather,
  Pad: pad,
  Concat: concat,
  ReduceMean: reduceMean,
  ReduceSum: reduceMean,
};
