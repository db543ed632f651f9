/**
 * Nodes that compute in integers on what depends on the reading: they wrap and truncate,
 * which rounds do not. A reading of integers is cast to real numbers first.
 */
import {
  numberAttribute,
  type OnnxGraph,
  type OnnxNode,
} from "../onnx/graph.ts";
import { isFloatType } from "./constants.ts";

/** Operators that only move elements, whatever their type. */
const moving = new Set([
  ...["Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose"],
  ...["Slice", "Split", "Concat", "Gather", "Shape"],
  ...["DepthToSpace", "SpaceToDepth", "MaxPool", "GlobalMaxPool"],
]);

/** Whether a node computes in integers on what depends on the reading. */
export function integerNodes(
  { inputs }: OnnxGraph,
  nodes: readonly OnnxNode[],
): ReadonlySet<OnnxNode> {
  const integers = new Set(
    inputs.filter(({ isInteger }) => isInteger).map(({ name }) => name),
  );
  return new Set(nodes.filter((node) => {
    if (!node.inputs.some((name) => integers.has(name))) return false;
    if (node.operator === "Cast") {
      return !isFloatType(numberAttribute(node, "to", 1));
    }
    if (!moving.has(node.operator)) return true;
    if (node.operator !== "Shape") {
      for (const name of node.outputs) integers.add(name);
    }
    return false;
  }));
}
