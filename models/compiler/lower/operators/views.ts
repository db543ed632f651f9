/**
 * Operators that leave the order of the elements: another shape or type of the same value.
 *
 * @module
 */
import { numberAttribute } from "../../onnx/graph.ts";
import { floats, sizeOf } from "../../onnx/tensor.ts";
import { isFloatType } from "../constants.ts";
import { realInput } from "../integers.ts";
import { meaningOf } from "../meaning.ts";
import {
  constantInput,
  constantValue,
  dynamicInput,
  type OperatorRule,
  reshaped,
  shapeOf,
} from "../operator_call.ts";
import {
  normaliseAxis,
  resolveReshape,
  squeezeShape,
  unsqueezeShape,
} from "../shapes.ts";
import { UnsupportedNodeError } from "../unsupported.ts";

const identityRule: OperatorRule = (call) => dynamicInput(call, 0);

/** Casts between types of real numbers; others truncate. */
const cast: OperatorRule = (call) => {
  const type = numberAttribute(call.node, "to", 1);
  if (isFloatType(type)) {
    return call.integers.has(call.node.inputs[0])
      ? realInput(call, 0, meaningOf(floats(1), null, 0))
      : dynamicInput(call, 0);
  }
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

export const viewRules: Record<string, OperatorRule> = {
  Identity: identityRule,
  Dropout: identityRule,
  Cast: cast,
  Shape: shape,
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
};
