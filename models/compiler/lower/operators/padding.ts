/**
 * Padding: elements around a tensor.
 *
 * @module
 */
import type { LinearMap } from "../../ir.ts";
import { numberAttribute, stringAttribute } from "../../onnx/graph.ts";
import { checkedSize, stridesOf } from "../../onnx/tensor.ts";
import {
  constantInput,
  dynamicInput,
  linearResult,
  type OperatorRule,
} from "../operator_call.ts";
import { listOf, normaliseAxis } from "../shapes.ts";
import { UnsupportedNodeError } from "../unsupported.ts";
import { gridOf } from "../values.ts";
import { channelSelection, selection } from "./selection.ts";

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

export const paddingRules: Record<string, OperatorRule> = {
  Pad: pad,
};
