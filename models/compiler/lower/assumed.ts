/**
 * Shapes of what refused nodes give, so that what lies behind them is looked at too and
 * the list of a model's unsupported nodes is complete.
 *
 * @module
 */
import type { OnnxNode } from "../onnx/graph.ts";
import { broadcastShapes } from "../onnx/tensor.ts";
import { isScalarOperator } from "./scalar_functions.ts";

/** Operators that give the shape of their first input. */
const keepShape = new Set([
  ...["Softmax", "LogSoftmax", "Hardmax", "LpNormalization", "LRN"],
  ...["LayerNormalization", "InstanceNormalization", "GroupNormalization"],
  ...["RMSNormalization", "MeanVarianceNormalization", "CumSum"],
  ...["QuantizeLinear", "DequantizeLinear", "BatchNormalization", "Cast"],
  ...["PRelu", "Dropout", "Quant", "BipolarQuant", "RequantShift"],
]);

/** Operators whose inputs stretch to one shape. */
const broadcast = new Set([
  ...["Add", "Sub", "Mul", "Div", "Pow", "Sum", "Mean", "Min", "Max", "Mod"],
  ...["Greater", "Less", "Equal", "GreaterOrEqual", "LessOrEqual"],
  ...["And", "Or", "Xor", "Where"],
]);

/** The shape of the node's first output, null where it is not known. */
export function assumedShape(
  { operator }: OnnxNode,
  shapes: readonly number[][],
): number[] | null {
  const [first] = shapes;
  if (!first) return null;
  if (keepShape.has(operator) || isScalarOperator(operator)) return first;
  try {
    if (broadcast.has(operator)) return shapes.reduce(broadcastShapes);
    if (operator === "MatMul") return productShape(first, shapes[1]);
  } catch {
    // Shapes that do not fit are the node's own fault.
  }
  return null;
}

function productShape(left: number[], right: number[]): number[] | null {
  if (left.length < 2 || right.length < 2) return null;
  const lead = broadcastShapes(left.slice(0, -2), right.slice(0, -2));
  return [...lead, left[left.length - 2], right[right.length - 1]];
}
