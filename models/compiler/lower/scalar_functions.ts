/**
 * Functions of one variable, by ONNX operator.
 *
 * @module
 */
import {
  numberAttribute,
  type OnnxNode,
  stringAttribute,
} from "../onnx/graph.ts";
import type { Tensor } from "../onnx/tensor.ts";

export type ScalarFunction = (x: number) => number;

/** Makes the function from the node's attributes and its constant inputs. */
type Rule = (
  node: OnnxNode,
  inputs: readonly (Tensor | null | undefined)[],
) => ScalarFunction;

const sigmoid: ScalarFunction = (x) => 1 / (1 + Math.exp(-x));
const softplus: ScalarFunction = (x) =>
  Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

const rules: Record<string, Rule> = {
  Abs: () => Math.abs,
  Acos: () => Math.acos,
  Acosh: () => Math.acosh,
  Asin: () => Math.asin,
  Asinh: () => Math.asinh,
  Atan: () => Math.atan,
  Atanh: () => Math.atanh,
  Ceil: () => Math.ceil,
  Celu: (node) => {
    const alpha = numberAttribute(node, "alpha", 1);
    return (x) => Math.max(x, 0) + Math.min(0, alpha * Math.expm1(x / alpha));
  },
  Clip: (node, inputs) => {
    const [low, high] = clipRange(node, inputs);
    return (x) => Math.min(Math.max(x, low), high);
  },
  Cos: () => Math.cos,
  Cosh: () => Math.cosh,
  Elu: (node) => {
    const alpha = numberAttribute(node, "alpha", 1);
    return (x) => x < 0 ? alpha * Math.expm1(x) : x;
  },
  Erf: () => erf,
  Exp: () => Math.exp,
  Floor: () => Math.floor,
  Gelu: (node) =>
    stringAttribute(node, "approximate", "none") === "tanh"
      ? (x) =>
        x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + .044715 * x ** 3)))
      : (x) => x / 2 * (1 + erf(x / Math.SQRT2)),
  HardSigmoid: (node) => {
    const alpha = numberAttribute(node, "alpha", .2);
    const beta = numberAttribute(node, "beta", .5);
    return (x) => Math.min(Math.max(alpha * x + beta, 0), 1);
  },
  HardSwish: () => (x) => x * Math.min(Math.max(x / 6 + .5, 0), 1),
  LeakyRelu: (node) => {
    const alpha = numberAttribute(node, "alpha", .01);
    return (x) => x < 0 ? alpha * x : x;
  },
  Log: () => Math.log,
  Mish: () => (x) => x * Math.tanh(softplus(x)),
  Neg: () => (x) => -x,
  Reciprocal: () => (x) => 1 / x,
  Relu: () => (x) => Math.max(x, 0),
  Round: () => roundHalfToEven,
  Selu: (node) => {
    const alpha = numberAttribute(node, "alpha", 1.6732632423543772);
    const gamma = numberAttribute(node, "gamma", 1.0507009873554805);
    return (x) => gamma * (x < 0 ? alpha * Math.expm1(x) : x);
  },
  Sigmoid: () => sigmoid,
  Sign: () => Math.sign,
  Shrink: (node) => {
    const bias = numberAttribute(node, "bias", 0);
    const limit = numberAttribute(node, "lambd", .5);
    return (x) => x > limit ? x - bias : x < -limit ? x + bias : 0;
  },
  Sin: () => Math.sin,
  Sinh: () => Math.sinh,
  Softplus: () => softplus,
  Softsign: () => (x) => x / (1 + Math.abs(x)),
  Sqrt: () => Math.sqrt,
  Swish: (node) => {
    const alpha = numberAttribute(node, "alpha", 1);
    return (x) => x * sigmoid(alpha * x);
  },
  Tan: () => Math.tan,
  Tanh: () => Math.tanh,
  ThresholdedRelu: (node) => {
    const alpha = numberAttribute(node, "alpha", 1);
    return (x) => x > alpha ? x : 0;
  },
};

/** The function that a node applies to each element, or null for other operators. */
export function scalarFunction(
  node: OnnxNode,
  inputs: readonly (Tensor | null | undefined)[],
): ScalarFunction | null {
  return isScalarOperator(node.operator)
    ? rules[node.operator](node, inputs)
    : null;
}

export function isScalarOperator(operator: string): boolean {
  return Object.hasOwn(rules, operator);
}

/** Bounds of Clip: attributes before opset 11, inputs since. */
export function clipRange(
  node: OnnxNode,
  inputs: readonly (Tensor | null | undefined)[],
): [low: number, high: number] {
  const low = inputs[1]?.data[0] ?? numberAttribute(node, "min", -Infinity);
  const high = inputs[2]?.data[0] ?? numberAttribute(node, "max", Infinity);
  // Where the bounds cross, ONNX gives the upper one.
  return [Math.min(low, high), high];
}

/** The nearest integer, of two the even one. */
function roundHalfToEven(x: number): number {
  const below = Math.floor(x), rest = x - below;
  return rest === .5 ? below + Math.abs(below % 2) : Math.round(x);
}

/** The error function, by the series with positive terms only (full precision). */
export function erf(x: number): number {
  const square = x * x;
  if (square > 36) return Math.sign(x);
  let term = x, sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= 2 * square / (2 * n + 1);
    sum += term;
  }
  return 2 / Math.sqrt(Math.PI) * Math.exp(-square) * sum;
}
