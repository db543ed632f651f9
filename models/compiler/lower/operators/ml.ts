/**
 * Operators of ai.onnx.ml that are linear, and categories told apart.
 *
 * @module
 */
import {
  numberAttribute,
  numbersAttribute,
  type OnnxNode,
  stringAttribute,
} from "../../onnx/graph.ts";
import { linearShape } from "../classifiers.ts";
import { shiftElements } from "../integers.ts";
import {
  dynamicInput,
  gatewayResult,
  layerResult,
  linearResult,
  type OperatorCall,
  type OperatorRule,
} from "../operator_call.ts";
import { UnsupportedNodeError } from "../unsupported.ts";
import type { LinearValue } from "../values.ts";
import { scaleElements } from "./linear.ts";

/** A list of one number for all features, or one a feature. */
function eachFeature(
  node: OnnxNode,
  name: string,
  columns: number,
  absent: number,
): number[] {
  const list = numbersAttribute(node, name) ?? [absent];
  if (list.length === columns) return list;
  if (list.length === 1) return Array(columns).fill(list[0]);
  throw new UnsupportedNodeError(
    `its ${list.length} values of ${name} do not fit ${columns} features`,
    "correct the model",
  );
}

/** The features of one sample, a row. */
function features(call: OperatorCall): LinearValue {
  const value = call.rounds.toLinear(dynamicInput(call, 0));
  if (value.shape.length === 2 && value.shape[0] === 1) return value;
  throw new UnsupportedNodeError(
    `it works on a tensor of shape [${value.shape}], not on features of one sample`,
    "flatten the tensor behind the batch axis before it",
  );
}

const scaler: OperatorRule = (call) => {
  const value = features(call), columns = value.bias.length;
  const offset = eachFeature(call.node, "offset", columns, 0);
  const scale = eachFeature(call.node, "scale", columns, 1);
  return scaleElements(
    shiftElements(value, (i) => -offset[i]),
    Float64Array.from(scale),
  );
};

/** Scores by coefficients and intercepts. */
const linear: OperatorRule = (call) => {
  const { node } = call, value = features(call);
  const transform = stringAttribute(node, "post_transform", "NONE");
  const { rows, columns } = linearShape(node);
  const weights = numbersAttribute(node, "coefficients") ?? [];
  const biases = numbersAttribute(node, "intercepts") ??
    Array(rows).fill(0);
  if (transform !== "NONE") {
    throw new UnsupportedNodeError(
      `its transformation ${JSON.stringify(transform)} is not known`,
      "end the model at the scores (NONE, SOFTMAX or LOGISTIC)",
    );
  }
  if (node.operator === "LinearClassifier" && rows < 2) {
    throw new UnsupportedNodeError(
      `it has ${rows} rows of coefficients for its classes`,
      "give each class its coefficients",
    );
  }
  if (columns !== value.bias.length || biases.length !== rows) {
    throw new UnsupportedNodeError(
      `${weights.length} coefficients and ${biases.length} intercepts do not fit ${value.bias.length} features`,
      "correct the model",
    );
  }
  const map = {
    kind: "matrix" as const,
    rows,
    columns,
    weights: Float64Array.from(weights),
  };
  const scores = layerResult(call, value, map, [1, rows]);
  return shiftElements(scores, (i) => biases[i]);
};

/** Support vectors of a linear kernel come to one row of coefficients. */
const svmRegressor: OperatorRule = (call) => {
  const { node } = call, value = features(call);
  const kernel = stringAttribute(node, "kernel_type", "LINEAR");
  const transform = stringAttribute(node, "post_transform", "NONE");
  if (
    kernel !== "LINEAR" || transform !== "NONE" ||
    numberAttribute(node, "one_class", 0) !== 0
  ) {
    throw new UnsupportedNodeError(
      `its kernel ${kernel} and transformation ${transform} are not linear`,
      "train it with a linear kernel",
    );
  }
  const weights = supportedRow(node, value.bias.length);
  const [bias = 0] = numbersAttribute(node, "rho") ?? [];
  const map = {
    kind: "matrix" as const,
    rows: 1,
    columns: weights.length,
    weights,
  };
  const score = layerResult(call, value, map, [1, 1]);
  return shiftElements(score, () => bias);
};

function supportedRow(node: OnnxNode, columns: number): Float64Array {
  const factors = numbersAttribute(node, "coefficients") ?? [];
  const count = numberAttribute(node, "n_supports", 0);
  const vectors = numbersAttribute(node, "support_vectors") ?? [];
  if (count === 0 && factors.length === columns) {
    return Float64Array.from(factors);
  }
  if (factors.length !== count || vectors.length !== count * columns) {
    throw new UnsupportedNodeError(
      `${factors.length} coefficients and ${vectors.length} elements of support vectors do not fit ${columns} features`,
      "correct the model",
    );
  }
  const row = new Float64Array(columns);
  vectors.forEach((element, i) =>
    row[i % columns] += factors[Math.floor(i / columns)] * element
  );
  return row;
}

/** For each category whether a feature, an integer, is it. */
const oneHotEncoder: OperatorRule = (call) => {
  const { node } = call, value = dynamicInput(call, 0);
  const categories = numbersAttribute(node, "cats_int64s") ?? [];
  if (categories.length === 0 || numberAttribute(node, "zeros", 1) !== 1) {
    throw new UnsupportedNodeError(
      "its categories are no integers, or others than them are errors",
      "encode integers (cats_int64s), others as zeros",
    );
  }
  const length = value.kind === "linear"
    ? value.bias.length
    : value.shape.reduce((a, b) => a * b, 1);
  const count = categories.length;
  const map = {
    kind: "selection" as const,
    columns: length,
    index: Int32Array.from(
      { length: length * count },
      (_, i) => Math.floor(i / count),
    ),
  };
  const shape = [...value.shape, count];
  const distances = shiftElements(
    linearResult(call, value, [map], shape),
    (i) => -categories[i % count],
  );
  const apply = (x: number) => Math.abs(x) < .5 ? 1 : 0;
  return gatewayResult(
    call,
    { op: "function", name: node.operator, apply },
    shape,
    { value: distances },
  );
};

export const mlRules: Record<string, OperatorRule> = {
  Scaler: scaler,
  LinearRegressor: linear,
  LinearClassifier: linear,
  SVMRegressor: svmRegressor,
  OneHotEncoder: oneHotEncoder,
};
