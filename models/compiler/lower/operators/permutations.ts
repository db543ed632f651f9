/**
 * Operators that put elements in another order.
 *
 * @module
 */
import type { LinearMap, Selection } from "../../ir.ts";
import { numberAttribute, stringAttribute } from "../../onnx/graph.ts";
import { transposedFrom } from "../../../../sdk/activations/transpose.ts";
import { joinAxes, pickChannels } from "../permutation.ts";
import {
  dynamicInput,
  type DynamicValue,
  gatewayResult,
  isSoleReader,
  linearResult,
  type OperatorCall,
  type OperatorRule,
  reshaped,
} from "../operator_call.ts";
import { transposeOrder } from "../shapes.ts";
import { UnsupportedNodeError } from "../unsupported.ts";
import { gridOf } from "../values.ts";
import { selection } from "./selection.ts";

const transpose: OperatorRule = (call) => {
  const value = dynamicInput(call, 0);
  const order = transposeOrder(call.node, value.shape.length);
  const to = order.map((axis) => value.shape[axis]);
  return orderAxes(call, value, order, to);
};

/** The value, in the order of its axes given, under the shape `to`. */
export function orderAxes(
  call: OperatorCall,
  value: DynamicValue,
  order: number[],
  to: number[],
): DynamicValue {
  const joined = joinAxes(value.shape, order);
  if (joined.order.length < 2) return reshaped(value, to) as DynamicValue;
  const operation = { op: "transpose" as const, ...joined };
  const isPending = value.kind === "gateway" && value.activation === null;
  if (isPending && isSoleReader(call, 0)) {
    return gatewayResult(call, operation, to, { value });
  }
  const index = transposedFrom(joined.shape, joined.order);
  const map = selection(value.shape, index);
  const linear = call.rounds.toLinear(value);
  return linear.terms.every(({ map: inner }) => permutesCheaply(map, inner))
    ? linearResult(call, linear, [map], to)
    : gatewayResult(call, operation, to, { value: linear, sole: false });
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
  return orderAxes(call, reshaped(value, seen) as DynamicValue, order, to);
};

const depthToSpace: OperatorRule = (call) => {
  const { value, channels, height, width, block } = blocks(call);
  const rest = channels / block ** 2;
  const isColumnFirst = stringAttribute(call.node, "mode", "DCR") === "CRD";
  const [seen, order] = isColumnFirst
    ? [[rest, block, block, height, width], [0, 3, 1, 4, 2]]
    : [[block, block, rest, height, width], [2, 3, 0, 4, 1]];
  const to = [1, rest, height * block, width * block];
  return orderAxes(call, reshaped(value, seen) as DynamicValue, order, to);
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

export const permutationRules: Record<string, OperatorRule> = {
  Transpose: transpose,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
};
