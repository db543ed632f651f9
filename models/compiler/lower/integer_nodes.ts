/**
 * Nodes on tensors of integers that depend on the reading. Operators of quantised models
 * say what integers mean, others only move them; what computes in integers wraps and
 * truncates, which rounds do not: such a reading is cast to real numbers first.
 *
 * @module
 */
import {
  numberAttribute,
  type OnnxGraph,
  type OnnxNode,
} from "../onnx/graph.ts";
import { isFloatType } from "./constants.ts";

/** Operators that only move elements, whatever their type. */
const movers = new Set([
  ...["Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose"],
  ...["Slice", "Split", "Concat", "Gather"],
  ...["DepthToSpace", "SpaceToDepth", "MaxPool", "GlobalMaxPool"],
]);

/** Operators that know what the integers mean that they read. */
const readers = new Set([
  ...["DequantizeLinear", "QLinearConv", "QLinearMatMul"],
  ...["ConvInteger", "MatMulInteger", "Shape"],
]);

/** Operators that give integers. */
const makers = new Set([
  ...["QuantizeLinear", "QLinearConv", "QLinearMatMul"],
  ...["ConvInteger", "MatMulInteger"],
]);

/** The nodes that compute in integers on what depends on the reading, and those that move them. */
export function integerNodes(
  { inputs }: OnnxGraph,
  nodes: readonly OnnxNode[],
): { computing: ReadonlySet<OnnxNode>; moving: ReadonlySet<OnnxNode> } {
  const integers = new Set(
    inputs.filter(({ isInteger }) => isInteger).map(({ name }) => name),
  );
  const dependent = new Set(inputs.map(({ name }) => name));
  const computing = new Set<OnnxNode>(), moving = new Set<OnnxNode>();
  for (const node of nodes) {
    const { operator } = node;
    if (!node.inputs.some((name) => dependent.has(name))) continue;
    const reads = node.inputs.some((name) => integers.has(name));
    const moves = reads && movers.has(operator);
    for (const name of node.outputs) {
      if (operator !== "Shape") dependent.add(name);
      if (moves || makers.has(operator)) integers.add(name);
    }
    if (moves) moving.add(node);
    else if (reads && !readers.has(operator)) {
      const isCast = operator === "Cast" &&
        isFloatType(numberAttribute(node, "to", 1));
      if (!isCast) computing.add(node);
    }
  }
  return { computing, moving };
}
