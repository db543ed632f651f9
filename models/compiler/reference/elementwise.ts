/**
 * Functions of one number and of two, as ONNX defines them.
 *
 * @module
 */
import type { OnnxNode } from "../onnx/graph.ts";
import { number, text } from "./attributes.ts";

type Of1 = (x: number) => number;
type Of2 = (a: number, b: number) => number;

const logistic: Of1 = (x) => x >= 0 ? 1 / (1 + Math.exp(-x)) : expShare(x);
const expShare: Of1 = (x) => Math.exp(x) / (1 + Math.exp(x));
const logOnePlusExp: Of1 = (x) =>
  x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x));
const between = (x: number, low: number, high: number) =>
  x < low ? low : x > high ? high : x;

/** By Simpson's rule; beyond 6 it is 1 to all digits. */
function errorFunction(x: number): number {
  const end = Math.min(Math.abs(x), 6), steps = 400, h = end / steps;
  let sum = 1 + Math.exp(-end * end);
  for (let i = 1; i < steps; i++) {
    sum += (i % 2 === 1 ? 4 : 2) * Math.exp(-((i * h) ** 2));
  }
  return Math.sign(x) * 2 / Math.sqrt(Math.PI) * sum * h / 3;
}

/** The function of one number that a node applies; null for other operators. */
export function functionOfOne(node: OnnxNode): Of1 | null {
  const alpha = (absent: number) => number(node, "alpha", absent);
  switch (node.operator) {
    case "Abs":
      return (x) => x < 0 ? -x : x;
    case "Celu": {
      const a = alpha(1);
      return (x) => x >= 0 ? x : a * (Math.exp(x / a) - 1);
    }
    case "Acos":
    case "Acosh":
    case "Asin":
    case "Asinh":
    case "Atan":
    case "Atanh":
    case "Cosh":
    case "Sinh":
    case "Tan":
      return Math[node.operator.toLowerCase() as "tan"];
    case "Ceil":
      return (x) => -Math.floor(-x);
    case "Round":
      return (x) => {
        const nearest = Math.trunc(x + Math.sign(x) / 2);
        const isHalf = Math.abs(x - Math.trunc(x)) === .5;
        return isHalf && nearest % 2 !== 0 ? nearest - Math.sign(x) : nearest;
      };
    case "Shrink": {
      const bias = number(node, "bias", 0), limit = number(node, "lambd", .5);
      return (x) =>
        Math.abs(x) <= limit ? 0 : Math.sign(x) * (Math.abs(x) - bias);
    }
    case "Cos":
      return Math.cos;
    case "Elu": {
      const a = alpha(1);
      return (x) => x >= 0 ? x : a * (Math.exp(x) - 1);
    }
    case "Erf":
      return errorFunction;
    case "Exp":
      return Math.exp;
    case "Floor":
      return Math.floor;
    case "Gelu": {
      const tanh = text(node, "approximate", "none") === "tanh";
      const root = Math.sqrt(2 / Math.PI);
      return tanh
        ? (x) => .5 * x * (1 + Math.tanh(root * (x + .044715 * x * x * x)))
        : (x) => .5 * x * (1 + errorFunction(x / Math.sqrt(2)));
    }
    case "HardSigmoid": {
      const a = alpha(.2), b = number(node, "beta", .5);
      return (x) => between(a * x + b, 0, 1);
    }
    case "HardSwish":
      return (x) => x * between(x + 3, 0, 6) / 6;
    case "LeakyRelu": {
      const a = alpha(.01);
      return (x) => x >= 0 ? x : a * x;
    }
    case "Log":
      return Math.log;
    case "Mish":
      return (x) => x * Math.tanh(logOnePlusExp(x));
    case "Neg":
      return (x) => -x;
    case "Reciprocal":
      return (x) => 1 / x;
    case "Relu":
      return (x) => x > 0 ? x : 0;
    case "Selu": {
      const a = alpha(1.6732632423543772);
      const gamma = number(node, "gamma", 1.0507009873554805);
      return (x) => gamma * (x > 0 ? x : a * (Math.exp(x) - 1));
    }
    case "Sigmoid":
      return logistic;
    case "Sign":
      return Math.sign;
    case "Sin":
      return Math.sin;
    case "Softplus":
      return logOnePlusExp;
    case "Softsign":
      return (x) => x / (1 + Math.abs(x));
    case "Sqrt":
      return Math.sqrt;
    case "Swish": {
      const a = alpha(1);
      return (x) => x * logistic(a * x);
    }
    case "Tanh":
      return Math.tanh;
    case "ThresholdedRelu": {
      const a = alpha(1);
      return (x) => x > a ? x : 0;
    }
    default:
      return null;
  }
}

/** Functions of two numbers that broadcast. */
export const functionsOfTwo: Readonly<Record<string, Of2>> = {
  Add: (a, b) => a + b,
  Sum: (a, b) => a + b,
  Mean: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => a / b,
  Pow: (a, b) => Math.pow(a, b),
  Min: (a, b) => a < b ? a : b,
  Max: (a, b) => a > b ? a : b,
  Mod: (a, b) => a - b * Math.floor(a / b),
  PRelu: (x, slope) => x >= 0 ? x : slope * x,
  Equal: (a, b) => a === b ? 1 : 0,
  Less: (a, b) => a < b ? 1 : 0,
  Greater: (a, b) => a > b ? 1 : 0,
  GreaterOrEqual: (a, b) => a >= b ? 1 : 0,
  LessOrEqual: (a, b) => a <= b ? 1 : 0,
  And: (a, b) => a && b ? 1 : 0,
  Or: (a, b) => a || b ? 1 : 0,
};
