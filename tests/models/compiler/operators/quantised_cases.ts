/**
 * Operators of quantised models.
 *
 * @module
 */
import type { GraphBuilder } from "../../../reference/graph_builder.ts";
import type { OperatorCase } from "./operator_case.ts";

const image = [3, 8, 8];

/** Rounded to integers, and real again. */
function rounded(
  g: GraphBuilder,
  x: string,
  scale: number,
  zero = 128,
): string {
  const parts = [g.number(scale), g.zeroPoint(zero)];
  return g.node("DequantizeLinear", [
    g.node("QuantizeLinear", [x, ...parts]),
    ...parts,
  ]);
}

/** Real weights made of integers. */
function weights(g: GraphBuilder, shape: number[], scale: number): string {
  return g.node("DequantizeLinear", [
    g.int8(shape),
    g.number(scale),
    g.zeroPoint(0, "int8"),
  ]);
}

function biases(g: GraphBuilder, count: number, scale: number): string {
  const data = Array.from(
    { length: count },
    () => Math.floor((g.random() - .5) * 4000),
  );
  return g.node("DequantizeLinear", [
    g.constant({ shape: [count], data, type: "int32" }),
    g.number(scale),
  ]);
}

/** Reading, convolution and rectifier, all in integers. */
function trunk(g: GraphBuilder, scale = .0197): string {
  const x = rounded(g, "x", .0713);
  const sum = g.node("Conv", [
    x,
    weights(g, [4, 3, 3, 3], .0041),
    biases(g, 4, .0713 * .0041),
  ], { pads: [1, 1, 1, 1] });
  return rounded(g, g.node("Relu", [sum]), scale, 0);
}

function dense(g: GraphBuilder, x: string, inputs: number, outputs = 5) {
  return g.node("Gemm", [
    g.node("Flatten", [x]),
    weights(g, [inputs, outputs], .0037),
  ]);
}

export const quantisedCases: OperatorCase[] = [
  {
    name: "QuantizeLinear and DequantizeLinear around Conv, MaxPool and Gemm",
    shape: image,
    build: (g) => {
      const pool = { kernel_shape: [2, 2], strides: [2, 2] };
      const pooled = rounded(g, g.node("MaxPool", [trunk(g)], pool), .0197, 0);
      return rounded(g, dense(g, pooled, 64), .0291);
    },
  },
  {
    name: "DequantizeLinear of weights by channel",
    shape: image,
    build: (g) => {
      const kernel = g.node("DequantizeLinear", [
        g.int8([4, 4, 3, 3]),
        g.constant({ shape: [4], data: [.0013, .0041, .0027, .0083] }),
        g.constant({ shape: [4], data: [0, 0, 0, 0], type: "int8" }),
      ], { axis: 0 });
      const sum = g.node("Conv", [trunk(g), kernel]);
      return dense(g, rounded(g, sum, .0411), 144);
    },
  },
  {
    name: "QuantizeLinear by channel",
    shape: image,
    build: (g) => {
      const parts = [
        g.constant({ shape: [4], data: [.031, .047, .029, .053] }),
        g.constant({ shape: [4], data: [128, 120, 131, 99], type: "uint8" }),
      ];
      const x = g.node("QuantizeLinear", [
        // onnxruntime would join a Conv with it, and then takes one scale only.
        g.node("Neg", [g.conv(trunk(g), [4, 4, 3, 3])]),
        ...parts,
      ], { axis: 1 });
      const real = g.node("DequantizeLinear", [x, ...parts], { axis: 1 });
      return dense(g, real, 144);
    },
  },
  {
    name: "AveragePool and Add of quantised tensors",
    shape: image,
    build: (g) => {
      const pool = { kernel_shape: [2, 2], strides: [2, 2] };
      // Ties are ties in single precision, too.
      const scale = 1 / 64, x = trunk(g, scale);
      const mean = rounded(g, g.node("AveragePool", [x], pool), scale, 0);
      const other = rounded(
        g,
        g.node("Conv", [x, weights(g, [4, 4, 2, 2], .0031)], {
          strides: [2, 2],
        }),
        .0233,
      );
      return dense(g, rounded(g, g.node("Add", [mean, other]), .0311), 64);
    },
  },
  {
    name: "Concat and Slice of tensors quantised alike",
    shape: image,
    build: (g) => {
      const x = trunk(g);
      const sum = g.node("Conv", [x, weights(g, [3, 4, 1, 1], .0031)]);
      const other = rounded(g, g.node("Relu", [sum]), .0197, 0);
      const both = rounded(
        g,
        g.node("Concat", [x, other], { axis: 1 }),
        .0197,
        0,
      );
      const part = g.node("Slice", [
        ...[both, g.integers(2, 1), g.integers(6, 8), g.integers(1, 2)],
      ]);
      return dense(g, rounded(g, part, .0197, 0), 4 * 7 * 8);
    },
  },
  {
    name: "Sigmoid between quantised tensors",
    shape: [12],
    build: (g) => {
      const x = rounded(g, "x", .0713);
      const sum = rounded(g, dense(g, x, 12, 8), .0527);
      return dense(g, rounded(g, g.node("Sigmoid", [sum]), 1 / 256, 0), 8);
    },
  },
  {
    name: "QLinearConv",
    shape: image,
    build: (g) => {
      const input = [g.number(.0713), g.zeroPoint(128)];
      const x = g.node("QuantizeLinear", ["x", ...input]);
      const bias = g.constant({
        shape: [4],
        data: [100, -700, 1500, 20],
        type: "int32",
      });
      const middle = [g.number(.0197), g.zeroPoint(3)];
      const a = g.node("QLinearConv", [
        ...[x, ...input],
        ...[g.int8([4, 3, 3, 3]), g.number(.0041), g.zeroPoint(0, "int8")],
        ...[...middle, bias],
      ], { pads: [1, 1, 1, 1] });
      const last = [g.number(.0311), g.zeroPoint(120)];
      const b = g.node("QLinearConv", [
        ...[a, ...middle],
        ...[g.int8([2, 4, 2, 2], "uint8"), g.number(.0023), g.zeroPoint(121)],
        ...last,
      ], { strides: [2, 2] });
      return g.node("DequantizeLinear", [b, ...last]);
    },
  },
  {
    name: "QLinearMatMul",
    shape: [12],
    build: (g) => {
      const input = [g.number(.0713), g.zeroPoint(128)];
      const last = [g.number(.0417), g.zeroPoint(99)];
      const y = g.node("QLinearMatMul", [
        ...[g.node("QuantizeLinear", ["x", ...input]), ...input],
        ...[g.int8([12, 6]), g.number(.0051), g.zeroPoint(0, "int8")],
        ...last,
      ]);
      return g.node("DequantizeLinear", [y, ...last]);
    },
  },
  {
    name: "ConvInteger and MatMulInteger, cast and scaled",
    shape: image,
    build: (g) => {
      const zero = g.zeroPoint(128);
      const x = g.node("QuantizeLinear", ["x", g.number(.0713), zero]);
      const sum = g.node("ConvInteger", [x, g.int8([4, 3, 3, 3]), zero]);
      const real = g.node("Mul", [
        g.node("Cast", [sum], { to: 1 }),
        g.number(.0713 * .0041),
      ]);
      const middle = [g.number(.0197), g.zeroPoint(0)];
      const q = g.node("QuantizeLinear", [
        g.node("Flatten", [g.node("Relu", [real])]),
        ...middle,
      ]);
      const product = g.node("MatMulInteger", [
        ...[q, g.int8([144, 5]), middle[1], g.zeroPoint(0, "int8")],
      ]);
      return g.node("Mul", [
        g.node("Cast", [product], { to: 1 }),
        g.number(.0197 * .0029),
      ]);
    },
  },
];
