/**
 * Functions of one variable, as operators and written out.
 *
 * @module
 */
import type { OperatorCase } from "./operator_case.ts";

const image = [3, 8, 8];

/** A function of one variable between two dense layers. */
function activation(
  operator: string,
  attributes = {},
  opset?: number,
): OperatorCase {
  return {
    name: operator + (opset ? ` (opset ${opset})` : ""),
    shape: [12],
    opset,
    build: (g) =>
      g.dense(g.node(operator, [g.dense("x", 12, 24)], attributes), 24, 6),
  };
}

export const functionCases: OperatorCase[] = [
  activation("Relu"),
  activation("LeakyRelu", { alpha: { float: .2 } }),
  activation("Sigmoid"),
  activation("Tanh"),
  activation("HardSigmoid", { alpha: { float: .25 } }),
  activation("HardSwish", {}, 14),
  activation("Gelu", {}, 20),
  activation("Gelu", { approximate: "tanh" }, 21),
  activation("Elu", { alpha: { float: 1.2 } }),
  activation("Selu"),
  activation("Softplus"),
  activation("Softsign"),
  activation("Abs"),
  activation("Celu", { alpha: { float: .7 } }),
  activation("Mish", {}, 18),
  {
    name: "Exp, Log and Sqrt",
    shape: [12],
    build: (g) => {
      const x = g.node("Sigmoid", [g.dense("x", 12, 24)]);
      const y = g.node("Exp", [g.dense(x, 24, 16)]);
      const root = g.node("Sqrt", [g.node("Add", [y, g.number(1)])]);
      return g.dense(g.node("Log", [root]), 16, 6);
    },
  },
  {
    name: "Sqrt behind Relu, at the edge of its domain",
    shape: [12],
    build: (g) => {
      const x = g.node("Sqrt", [g.node("Relu", [g.dense("x", 12, 24)])]);
      return g.dense(x, 24, 6);
    },
  },
  {
    name: "Pow by a constant",
    shape: [12],
    build: (g) => {
      const x = g.node("Pow", [g.dense("x", 12, 24), g.number(2)]);
      return g.dense(x, 24, 6);
    },
  },
  {
    name: "Min and Max with constants",
    shape: [12],
    build: (g) => {
      const low = g.node("Max", [g.dense("x", 12, 24), g.number(-.5)]);
      return g.dense(g.node("Min", [low, g.number(1)]), 24, 6);
    },
  },
  {
    name: "Sum of branches and Neg",
    shape: [12],
    build: (g) => {
      const a = g.node("Relu", [g.dense("x", 12, 16)]);
      const b = g.node("Neg", [g.node("Tanh", [g.dense("x", 12, 16)])]);
      const sum = g.node("Sum", [a, b, g.dense("x", 12, 16)]);
      return g.dense(g.node("Relu", [sum]), 16, 6);
    },
  },
  activation("Clip", { min: { float: -.5 }, max: { float: .8 } }, 7),
  {
    name: "Clip by inputs (Relu6) and average pooling",
    shape: image,
    build: (g) => {
      const clip = g.node("Clip", [
        g.conv("x", [4, 3, 3, 3]),
        g.number(0),
        g.number(1.5),
      ]);
      return g.head(
        g.node("AveragePool", [clip], {
          kernel_shape: [2, 2],
          strides: [2, 2],
        }),
        36,
      );
    },
  },
  {
    name: "PRelu by channel",
    shape: image,
    build: (g) => {
      const a = g.node("PRelu", [
        g.conv("x", [4, 3, 3, 3]),
        g.weights([4, 1, 1], 4),
      ]);
      return g.head(a, 144);
    },
  },
  {
    name: "Gelu written out with Erf",
    shape: [12],
    build: (g) => {
      const x = g.dense("x", 12, 24);
      const erf = g.node("Erf", [g.node("Div", [x, g.number(Math.SQRT2)])]);
      const one = g.node("Add", [erf, g.number(1)]);
      const product = g.node("Mul", [x, one]);
      return g.dense(g.node("Mul", [product, g.number(.5)]), 24, 6);
    },
  },
  {
    name: "HardSwish and SiLU written out",
    shape: image,
    build: (g) => {
      const x = g.conv("x", [4, 3, 3, 3]);
      const clip = g.node("Clip", [
        g.node("Add", [x, g.number(3)]),
        g.number(0),
        g.number(6),
      ]);
      const swish = g.node("Div", [g.node("Mul", [x, clip]), g.number(6)]);
      const y = g.conv(swish, [4, 4, 3, 3]);
      return g.head(g.node("Mul", [y, g.node("Sigmoid", [y])]), 64);
    },
  },
  {
    name: "Sigmoid, then Tanh at the end",
    shape: [12],
    build: (g) =>
      g.node("Tanh", [
        g.dense(g.node("Sigmoid", [g.dense("x", 12, 16)]), 16, 5),
      ]),
  },
  {
    name: "Relu at the end",
    shape: image,
    build: (g) => g.node("Relu", [g.conv("x", [4, 3, 3, 3])]),
  },
];
