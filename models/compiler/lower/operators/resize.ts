/**
 * Resize and Upsample to the nearest element.
 *
 * @module
 */
import type { GatewayOperation, LinearMap } from "../../ir.ts";
import {
  numberAttribute,
  type OnnxNode,
  stringAttribute,
} from "../../onnx/graph.ts";
import { checkedSize, sizeOf, stridesOf } from "../../onnx/tensor.ts";
import {
  constantInput,
  dynamicInput,
  gatewayResult,
  linearResult,
  type OperatorCall,
  type OperatorRule,
} from "../operator_call.ts";
import { listOf } from "../shapes.ts";
import { UnsupportedNodeError } from "../unsupported.ts";
import { gridOf } from "../values.ts";
import { channelSelection, selection } from "./selection.ts";

/** One axis: from how many elements to how many, and by what factor places move. */
interface Axis {
  from: number;
  to: number;
  scale: number;
}

/** Where place `x` of the result lies in the source. */
const transformations: Readonly<
  Record<string, (x: number, axis: Axis) => number>
> = {
  half_pixel: (x, { scale }) => (x + .5) / scale - .5,
  pytorch_half_pixel: (x, { scale, to }) => to > 1 ? (x + .5) / scale - .5 : 0,
  asymmetric: (x, { scale }) => x / scale,
  tf_half_pixel_for_nn: (x, { scale }) => (x + .5) / scale,
  align_corners: (x, { from, to }) => to > 1 ? x * (from - 1) / (to - 1) : 0,
};

const roundings: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - .5),
  round_prefer_ceil: (x) => Math.floor(x + .5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** What an attribute names. */
function named<F>(
  node: OnnxNode,
  attribute: string,
  absent: string,
  known: Readonly<Record<string, F>>,
): F {
  const name = stringAttribute(node, attribute, absent);
  if (Object.hasOwn(known, name)) return known[name];
  throw new UnsupportedNodeError(
    `its ${attribute} ${JSON.stringify(name)} is not known`,
    "resize to the nearest element",
  );
}

function axesOf(call: OperatorCall, shape: readonly number[]): Axis[] {
  const { node, opset } = call;
  const isEarly = node.operator === "Upsample" || opset < 11;
  const scales = listOf(node, "scales", constantInput(call, isEarly ? 1 : 2));
  const sizes = isEarly ? null : constantInput(call, 3)?.data;
  return shape.map((from, axis): Axis => {
    const to = sizes ? sizes[axis] : Math.floor(from * (scales?.[axis] ?? NaN));
    if (!(Number.isInteger(to) && to >= 1)) {
      throw new UnsupportedNodeError(
        `its scales [${scales}] and sizes [${
          sizes ?? ""
        }] do not fit [${shape}]`,
        "correct the model",
      );
    }
    return { from, to, scale: sizes ? to / from : scales![axis] };
  });
}

/** For each place of the result the place that it takes, along one axis. */
function placesOf(call: OperatorCall, axis: Axis): number[] {
  const { node, opset } = call;
  const isEarly = node.operator === "Upsample" || opset < 11;
  const transform = named(
    node,
    "coordinate_transformation_mode",
    isEarly ? "asymmetric" : "half_pixel",
    transformations,
  );
  const round = named(
    node,
    "nearest_mode",
    isEarly ? "floor" : "round_prefer_floor",
    roundings,
  );
  return Array.from({ length: axis.to }, (_, x) => {
    const place = axis.from === axis.to && axis.scale === 1
      ? x
      : round(transform(x, axis));
    return Math.min(Math.max(place, 0), axis.from - 1);
  });
}

const resize: OperatorRule = (call) => {
  const { node } = call, value = dynamicInput(call, 0), { shape } = value;
  named(node, "mode", "nearest", { nearest: true });
  if (numberAttribute(node, "antialias", 0) !== 0) {
    throw new UnsupportedNodeError("it filters", "leave out antialias");
  }
  const axes = axesOf(call, shape);
  const to = axes.map((axis) => axis.to);
  checkedSize(to);
  const places = axes.map((axis) => placesOf(call, axis));
  const factors = axes.map(({ from, to }) => to / from);
  const repeats = places.every((list, axis) =>
    list.every((place, x) => place === Math.floor(x / factors[axis]))
  );
  const isWhole = repeats && factors.every(Number.isInteger);
  if (isWhole && sizeOf(factors) <= sizeOf(shape)) {
    return gatewayResult(call, repetition(shape, factors), to);
  }
  const strides = stridesOf(shape);
  let index = Int32Array.of(0);
  places.forEach((list, axis) => {
    index = Int32Array.from(
      { length: index.length * list.length },
      (_, i) =>
        index[Math.floor(i / list.length)] +
        list[i % list.length] * strides[axis],
    );
  });
  const maps: LinearMap[] = [selection(shape, index)];
  const regular = regularSteps(shape, to, places);
  if (regular) maps.unshift(regular);
  return linearResult(call, value, maps, to);
};

/** Each element repeated along every axis; axes of factor 1 are joined. */
function repetition(
  shape: readonly number[],
  factors: readonly number[],
): GatewayOperation {
  const seen: number[] = [], repeats: number[] = [];
  shape.forEach((extent, axis) => {
    const last = repeats.length - 1;
    if (factors[axis] === 1 && repeats[last] === 1) seen[last] *= extent;
    else {
      seen.push(extent);
      repeats.push(1);
    }
    if (factors[axis] > 1) {
      seen.push(1);
      repeats.push(factors[axis]);
    }
  });
  return { op: "repeat", shape: seen, times: repeats };
}

/** A regular part of space as a convolution; null where it is none. */
function regularSteps(
  shape: readonly number[],
  to: readonly number[],
  places: readonly number[][],
): LinearMap | null {
  const from = gridOf(shape), goal = gridOf(to);
  if (!from || !goal || from[0] !== goal[0]) return null;
  const space = shape.length === 3 ? [[0], places[2]] : places.slice(2);
  const steps = space.map((list) => list.length > 1 ? list[1] - list[0] : 1);
  const isRegular = space.every((list, axis) =>
    steps[axis] >= 1 &&
    list.every((place, x) => place === list[0] + x * steps[axis])
  );
  if (!isRegular) return null;
  return channelSelection(from, goal, {
    channel: (c) => c,
    origin: [space[0][0], space[1][0]],
    stride: [steps[0], steps[1]],
  });
}

export const resizeRules: Record<string, OperatorRule> = {
  Resize: resize,
  Upsample: resize,
};
