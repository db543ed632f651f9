/** One small network an operator, as ONNX: the subjects of the differential tests. */
import { GraphBuilder } from "../../reference/graph_builder.ts";

export interface OperatorCase {
  name: string;
  shape: number[];
  opset?: number;
  /** Returns the output's name. */
  build: (g: GraphBuilder) => string;
}

/** Builds the case's network. */
export function buildCase({ shape, opset, build }: OperatorCase) {
  const builder = new GraphBuilder(shape, { opset, seed: 7 });
  const onnx = builder.bytes(build(builder));
  return { onnx, builder };
}

/** The case's network before it is written. */
export function buildCaseGraph({ shape, opset, build }: OperatorCase) {
  const builder = new GraphBuilder(shape, { opset, seed: 7 });
  return builder.graph(build(builder));
}

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

const image = [3, 8, 8];

/** Channels in the order of a shuffle, as exporters write it. */
function shuffle(
  g: GraphBuilder,
  x: string,
  [channels, height, width]: number[],
  groups: number,
): string {
  const each = channels / groups;
  const seen = g.node("Reshape", [
    x,
    g.integers(-1, groups, each, height, width),
  ]);
  const turned = g.node("Transpose", [seen], { perm: [0, 2, 1, 3, 4] });
  return g.node("Reshape", [turned, g.integers(-1, channels, height, width)]);
}

export const operatorCases: OperatorCase[] = [
  {
    name: "Conv, padded",
    shape: image,
    build: (g) => g.conv("x", [4, 3, 3, 3], { pads: [1, 1, 1, 1] }),
  },
  {
    name: "Conv, asymmetric pads and stride",
    shape: image,
    build: (g) =>
      g.conv("x", [4, 3, 3, 2], { pads: [0, 1, 2, 0], strides: [2, 3] }),
  },
  {
    name: "Conv, dilated",
    shape: image,
    build: (g) =>
      g.conv("x", [4, 3, 3, 3], { dilations: [2, 2], pads: [2, 2, 2, 2] }),
  },
  {
    name: "Conv, groups",
    shape: [4, 6, 6],
    build: (g) => g.conv("x", [6, 2, 3, 3], { group: 2 }),
  },
  {
    name: "Conv, depthwise then pointwise",
    shape: image,
    build: (g) => {
      const depthwise = g.conv("x", [3, 1, 3, 3], {
        group: 3,
        pads: [1, 1, 1, 1],
      });
      return g.conv(g.node("Relu", [depthwise]), [5, 3, 1, 1]);
    },
  },
  {
    name: "Conv, auto_pad SAME_UPPER and SAME_LOWER",
    shape: image,
    build: (g) => {
      const a = g.conv("x", [4, 3, 3, 3], {
        auto_pad: "SAME_UPPER",
        strides: [2, 2],
      });
      return g.conv(g.node("Relu", [a]), [4, 4, 2, 2], {
        auto_pad: "SAME_LOWER",
      });
    },
  },
  {
    name: "Conv, 1-D",
    shape: [2, 32],
    build: (g) => {
      const a = g.node("Relu", [
        g.conv("x", [4, 2, 5], { strides: [2], pads: [2, 2] }),
      ]);
      const b = g.node("MaxPool", [a], { kernel_shape: [2], strides: [2] });
      return g.head(
        g.node("Relu", [g.conv(b, [6, 4, 3], { dilations: [2] })]),
        24,
      );
    },
  },
  {
    name: "Conv behind Conv: fused where exact, split where not",
    shape: image,
    build: (g) => {
      const inner = g.conv("x", [4, 3, 3, 3], { pads: [1, 1, 1, 1] });
      const outer = g.conv(inner, [4, 4, 2, 2], { strides: [2, 2] });
      return g.conv(
        g.node("Relu", [g.conv(outer, [3, 4, 3, 3], { pads: [1, 1, 1, 1] })]),
        [2, 3, 1, 1],
      );
    },
  },
  {
    name: "Gemm, transposed with alpha and beta",
    shape: [12],
    build: (g) =>
      g.node("Gemm", ["x", g.weights([6, 12], 12), g.weights([6], 4)], {
        transB: 1,
        alpha: { float: 1.5 },
        beta: { float: .5 },
      }),
  },
  {
    name: "Gemm behind Conv without a non-linearity",
    shape: image,
    build: (g) => g.head(g.conv("x", [4, 3, 3, 3]), 144),
  },
  {
    name: "MatMul and Add",
    shape: [12],
    build: (g) => {
      const hidden = g.node("MatMul", ["x", g.weights([12, 9], 12)]);
      const relu = g.node("Relu", [g.node("Add", [hidden, g.weights([9], 9)])]);
      return g.node("MatMul", [relu, g.weights([9, 5], 9)]);
    },
  },
  {
    name: "MatMul over the last axis, constant on the left",
    shape: [4, 6],
    build: (g) => {
      const right = g.node("Relu", [
        g.node("MatMul", ["x", g.weights([6, 5], 6)]),
      ]);
      return g.node("MatMul", [g.weights([3, 4], 4), right]);
    },
  },
  {
    name: "BatchNormalization behind Conv",
    shape: image,
    build: (g) =>
      g.node("Relu", [g.batchNormalization(g.conv("x", [4, 3, 3, 3]), 4)]),
  },
  {
    name: "BatchNormalization ahead of Conv",
    shape: image,
    build: (g) => {
      const relu = g.node("Relu", [
        g.conv("x", [4, 3, 3, 3], { pads: [1, 1, 1, 1] }),
      ]);
      return g.conv(g.batchNormalization(relu, 4), [3, 4, 3, 3], {
        pads: [1, 1, 1, 1],
      });
    },
  },
  {
    name: "BatchNormalization behind Gemm and on the input",
    shape: [12],
    build: (g) =>
      g.batchNormalization(g.dense(g.batchNormalization("x", 12), 12, 7), 7),
  },
  {
    name: "Mul, Div, Add, Sub by constants",
    shape: image,
    build: (g) => {
      const shifted = g.node("Sub", ["x", g.number(.3)]);
      const scaled = g.node("Div", [shifted, g.number(.7)]);
      const conv = g.conv(scaled, [4, 3, 3, 3], { pads: [1, 1, 1, 1] });
      const perChannel = g.node("Mul", [conv, g.weights([4, 1, 1], 1)]);
      const relu = g.node("Relu", [
        g.node("Add", [perChannel, g.weights([1, 4, 1, 1], 4)]),
      ]);
      return g.head(g.node("Sub", [g.number(1), relu]), 256);
    },
  },
  {
    name: "Add of a constant image",
    shape: image,
    build: (g) => {
      const conv = g.conv("x", [2, 3, 3, 3], { pads: [1, 1, 1, 1] });
      return g.node("Relu", [g.node("Add", [conv, g.weights([2, 8, 8], 2)])]);
    },
  },
  {
    name: "normalisation of channels ahead of a padded Conv",
    shape: image,
    build: (g) => {
      const centred = g.node("Sub", ["x", g.weights([1, 3, 1, 1], 4)]);
      const scaled = g.node("Mul", [centred, g.weights([1, 3, 1, 1], 1)]);
      return g.conv(scaled, [4, 3, 3, 3], { pads: [1, 1, 1, 1] });
    },
  },
  {
    name: "Add of two activations (residual block)",
    shape: image,
    build: (g) => {
      const a = g.node("Relu", [
        g.conv("x", [4, 3, 3, 3], { pads: [1, 1, 1, 1] }),
      ]);
      const b = g.node("Relu", [
        g.conv(a, [4, 4, 3, 3], { pads: [1, 1, 1, 1] }),
      ]);
      const c = g.conv(b, [4, 4, 3, 3], { pads: [1, 1, 1, 1] });
      const d = g.node("Relu", [g.node("Add", [c, a])]);
      return g.head(g.node("GlobalAveragePool", [d]), 4);
    },
  },
  {
    name: "residual block with a strided projection",
    shape: image,
    build: (g) => {
      const a = g.node("Relu", [
        g.conv("x", [4, 3, 3, 3], { pads: [1, 1, 1, 1] }),
      ]);
      const b = g.node("Relu", [
        g.conv(a, [6, 4, 3, 3], { pads: [1, 1, 1, 1], strides: [2, 2] }),
      ]);
      const c = g.conv(b, [6, 6, 3, 3], { pads: [1, 1, 1, 1] });
      const short = g.conv(a, [6, 4, 1, 1], { strides: [2, 2] });
      return g.head(g.node("Relu", [g.node("Add", [c, short])]), 96);
    },
  },
  {
    name: "residual block with a sliced and padded shortcut",
    shape: image,
    build: (g) => {
      const a = g.node("Relu", [
        g.conv("x", [4, 3, 3, 3], { pads: [1, 1, 1, 1] }),
      ]);
      const b = g.node("Relu", [
        g.conv(a, [8, 4, 3, 3], { pads: [1, 1, 1, 1], strides: [2, 2] }),
      ]);
      const c = g.conv(b, [8, 8, 3, 3], { pads: [1, 1, 1, 1] });
      const sliced = g.node("Slice", [
        a,
        g.integers(0, 0),
        g.integers(8, 8),
        g.integers(2, 3),
        g.integers(2, 2),
      ]);
      const padded = g.node("Pad", [
        sliced,
        g.integers(0, 2, 0, 0, 0, 2, 0, 0),
      ]);
      return g.head(g.node("Relu", [g.node("Add", [c, padded])]), 128);
    },
  },
  {
    name: "Sub of two activations",
    shape: [10],
    build: (g) => {
      const a = g.node("Relu", [g.dense("x", 10, 8)]);
      const b = g.node("Relu", [g.dense("x", 10, 8)]);
      return g.dense(g.node("Relu", [g.node("Sub", [a, b])]), 8, 5);
    },
  },
  {
    name: "AveragePool behind Relu",
    shape: image,
    build: (g) => {
      const a = g.node("Relu", [g.conv("x", [4, 3, 3, 3])]);
      return g.head(
        g.node("AveragePool", [a], { kernel_shape: [2, 2], strides: [2, 2] }),
        36,
      );
    },
  },
  {
    name: "AveragePool, overlapping and padded, padding left out",
    shape: image,
    build: (g) => {
      const a = g.node("Relu", [
        g.conv("x", [4, 3, 3, 3], { pads: [1, 1, 1, 1] }),
      ]);
      const pool = {
        kernel_shape: [3, 3],
        strides: [2, 2],
        pads: [1, 1, 1, 1],
      };
      return g.head(g.node("AveragePool", [a], pool), 64);
    },
  },
  {
    name: "AveragePool, padding counted",
    shape: image,
    build: (g) => {
      const conv = g.conv("x", [4, 3, 3, 3], { pads: [1, 1, 1, 1] });
      const pool = {
        kernel_shape: [3, 3],
        strides: [2, 2],
        pads: [1, 1, 1, 1],
        count_include_pad: 1,
      };
      return g.head(g.node("Relu", [g.node("AveragePool", [conv], pool)]), 64);
    },
  },
  {
    name: "AveragePool, ceil_mode",
    shape: image,
    build: (g) => {
      const a = g.node("Relu", [g.conv("x", [4, 3, 2, 2])]);
      const pool = { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 };
      return g.head(g.node("AveragePool", [a], pool), 64);
    },
  },
  {
    name: "AveragePool behind AveragePool and on the input",
    shape: image,
    build: (g) => {
      const pool = { kernel_shape: [2, 2], strides: [2, 2] };
      const a = g.node("AveragePool", ["x"], pool);
      const b = g.node("Relu", [
        g.conv(a, [4, 3, 3, 3], { pads: [1, 1, 1, 1] }),
      ]);
      return g.head(
        g.node("AveragePool", [g.node("AveragePool", [b], pool)], pool),
        4,
      );
    },
  },
  {
    name: "GlobalAveragePool and ReduceMean over space",
    shape: image,
    build: (g) => {
      const a = g.node("Relu", [g.conv("x", [4, 3, 3, 3])]);
      const mean = g.node("ReduceMean", [a], { axes: [2, 3], keepdims: 0 });
      return g.dense(mean, 4, 5);
    },
  },
  {
    name: "ReduceMean over channels",
    shape: image,
    build: (g) => {
      const a = g.node("Relu", [g.conv("x", [4, 3, 3, 3])]);
      return g.head(g.node("ReduceMean", [a], { axes: [1] }), 36);
    },
  },
  {
    name: "MaxPool, overlapping, padded, ceil_mode",
    shape: image,
    build: (g) => {
      const a = g.conv("x", [4, 3, 3, 3], { pads: [1, 1, 1, 1] });
      const pool = {
        kernel_shape: [3, 3],
        strides: [2, 2],
        pads: [1, 1, 0, 0],
        ceil_mode: 1,
      };
      return g.head(g.node("MaxPool", [a], pool), 64);
    },
  },
  {
    name: "MaxPool, dilated",
    shape: image,
    build: (g) => {
      const a = g.node("Relu", [
        g.conv("x", [4, 3, 3, 3], { pads: [1, 1, 1, 1] }),
      ]);
      return g.head(
        g.node("MaxPool", [a], { kernel_shape: [2, 2], dilations: [3, 3] }),
        100,
      );
    },
  },
  {
    name: "GlobalMaxPool",
    shape: image,
    build: (g) =>
      g.head(g.node("GlobalMaxPool", [g.conv("x", [6, 3, 3, 3])]), 6),
  },
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
  {
    name: "Concat of branches",
    shape: image,
    build: (g) => {
      const a = g.node("Relu", [
        g.conv("x", [4, 3, 3, 3], { pads: [1, 1, 1, 1] }),
      ]);
      const b = g.node("Relu", [g.conv(a, [3, 4, 1, 1])]);
      const c = g.node("Relu", [
        g.conv(a, [3, 4, 3, 3], { pads: [1, 1, 1, 1] }),
      ]);
      const pool = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
      const d = g.node("MaxPool", [a], pool);
      const joined = g.node("Concat", [b, c, d], { axis: 1 });
      return g.head(g.node("Relu", [g.conv(joined, [4, 10, 3, 3])]), 144);
    },
  },
  {
    name: "Concat of linear branches, vectors",
    shape: [10],
    build: (g) => {
      const joined = g.node("Concat", [
        g.dense("x", 10, 6),
        g.dense("x", 10, 4),
      ], { axis: 1 });
      return g.dense(g.node("Relu", [joined]), 10, 5);
    },
  },
  {
    name: "Slice of channels and space",
    shape: image,
    build: (g) => {
      const a = g.node("Relu", [g.conv("x", [4, 3, 3, 3])]);
      const part = g.node("Slice", [
        a,
        g.integers(1, 2),
        g.integers(3, 6),
        g.integers(1, 3),
      ]);
      return g.head(g.node("Relu", [g.conv(part, [3, 2, 3, 3])]), 24);
    },
  },
  {
    name: "Sum and Mean with constants",
    shape: image,
    build: (g) => {
      const a = g.node("Relu", [g.conv("x", [4, 3, 3, 3])]);
      const b = g.node("Sum", [a, g.weights([4, 1, 1]), g.number(.2)]);
      const c = g.node("Mean", [b, g.conv(a, [4, 4, 1, 1]), g.weights([6])]);
      return g.head(g.node("Relu", [c]), 144);
    },
  },
  {
    name: "Atan, Asinh, Sinh and Shrink",
    shape: image,
    build: (g) => {
      const a = g.node("Atan", [g.conv("x", [4, 3, 3, 3])]);
      const b = g.node("Asinh", [g.conv(a, [4, 4, 1, 1])]);
      const c = g.node("Sinh", [g.conv(b, [4, 4, 1, 1])]);
      const d = g.node("Shrink", [g.conv(c, [4, 4, 3, 3])], {
        bias: { float: .3 },
        lambd: { float: .3 },
      });
      return g.head(d, 64);
    },
  },
  {
    name: "channels shuffled behind Relu, then convolved in groups",
    shape: [4, 6, 6],
    build: (g) => {
      const a = g.node("Relu", [g.conv("x", [6, 4, 3, 3])]);
      const shuffled = shuffle(g, a, [6, 4, 4], 3);
      const b = g.conv(shuffled, [6, 1, 3, 3], { group: 6 });
      return g.head(g.node("Relu", [b]), 24);
    },
  },
  {
    name: "channels shuffled behind Conv and behind Concat, then split",
    shape: [4, 6, 6],
    build: (g) => {
      const a = g.node("Relu", [g.conv("x", [4, 4, 1, 1])]);
      const b = g.conv(
        shuffle(g, g.conv(a, [4, 2, 1, 1], { group: 2 }), [
          4,
          6,
          6,
        ], 2),
        [4, 4, 1, 1],
      );
      const joined = g.node("Concat", [a, g.node("Relu", [b])], { axis: 1 });
      const parts = g.split([shuffle(g, joined, [8, 6, 6], 2)], 2, { axis: 1 });
      const [left, right] = parts.map((part) => g.conv(part, [4, 4, 3, 3]));
      return g.head(g.node("Relu", [g.node("Add", [left, right])]), 64);
    },
  },
  {
    name: "SpaceToDepth of the reading and behind Relu",
    shape: [2, 8, 8],
    build: (g) => {
      const a = g.node("SpaceToDepth", ["x"], { blocksize: 2 });
      const b = g.node("Relu", [g.conv(a, [4, 8, 1, 1])]);
      const c = g.node("SpaceToDepth", [b], { blocksize: 2 });
      return g.head(g.node("Relu", [g.conv(c, [4, 16, 2, 2])]), 4);
    },
  },
  {
    name: "DepthToSpace, both modes, and at the end",
    shape: [3, 3, 3],
    build: (g) => {
      const a = g.node("Relu", [g.conv("x", [8, 3, 1, 1])]);
      const b = g.node("DepthToSpace", [a], { blocksize: 2 });
      const c = g.node("PRelu", [
        g.node("DepthToSpace", [g.conv(b, [8, 2, 3, 3])], {
          blocksize: 2,
          mode: "CRD",
        }),
        g.constant({ shape: [2, 1, 1], data: [.1, .3] }),
      ]);
      const d = g.conv(c, [4, 2, 1, 1]);
      return g.node("DepthToSpace", [d], { blocksize: 2, mode: "CRD" });
    },
  },
  {
    name: "Split of a vector in unequal parts",
    shape: [10],
    build: (g) => {
      const a = g.node("Relu", [g.dense("x", 10, 27)]);
      const lengths = g.integers(6, 12, 9);
      const [b, c, d] = g.split([a, lengths], 3, { axis: -1 });
      const sum = g.node("Add", [g.dense(b, 6, 12), c]);
      return g.dense(g.node("Concat", [sum, d], { axis: 1 }), 21, 3);
    },
  },
  {
    name: "Gather of constant channels and columns",
    shape: [4, 5, 5],
    build: (g) => {
      const a = g.node("Relu", [g.conv("x", [5, 4, 1, 1])]);
      const channels = g.node("Gather", [a, g.integers(4, 0, -2)], { axis: 1 });
      const b = g.node("Relu", [g.conv(channels, [2, 3, 3, 3])]);
      const columns = g.node("Gather", [b, g.integers(2, 0)], { axis: 3 });
      return g.head(g.node("Relu", [columns]), 12);
    },
  },
  {
    name: "Slice by attributes, backwards",
    shape: [12],
    opset: 9,
    build: (g) => {
      const a = g.node("Slice", [g.dense("x", 12, 10)], {
        starts: [2],
        ends: [9],
        axes: [1],
      });
      return g.node("Relu", [a]);
    },
  },
  {
    name: "Pad, constant and reflected",
    shape: image,
    build: (g) => {
      const padded = g.node("Pad", ["x", g.integers(0, 0, 1, 1, 0, 0, 1, 1)]);
      const a = g.node("Relu", [g.conv(padded, [2, 3, 3, 3])]);
      const reflected = g.node("Pad", [a, g.integers(0, 0, 2, 2, 0, 0, 2, 2)], {
        mode: "reflect",
      });
      return g.conv(reflected, [2, 2, 5, 5]);
    },
  },
  {
    name: "Transpose of a picture with its channels last",
    shape: [8, 9, 3],
    build: (g) => {
      const x = g.node("Transpose", ["x"], { perm: [0, 3, 1, 2] });
      const a = g.conv(x, [6, 3, 3, 3], {
        pads: [1, 2, 1, 0],
        strides: [2, 1],
        dilations: [1, 2],
      });
      return g.head(g.node("Relu", [a]), 168);
    },
  },
  {
    name: "Transpose of a picture with its channels last, convolved in groups",
    shape: [6, 6, 4],
    build: (g) => {
      const x = g.node("Transpose", ["x"], { perm: [0, 3, 1, 2] });
      const a = g.conv(x, [8, 2, 3, 3], { group: 2 });
      return g.head(g.node("Relu", [a]), 128);
    },
  },
  {
    name: "Transpose and Reshape",
    shape: image,
    build: (g) => {
      const a = g.node("Relu", [g.conv("x", [4, 3, 3, 3])]);
      const turned = g.node("Transpose", [a], { perm: [0, 2, 3, 1] });
      const flat = g.node("Reshape", [turned, g.integers(-1, 144)]);
      return g.dense(flat, 144, 5);
    },
  },
  {
    name: "Squeeze, Unsqueeze, Identity, Dropout, Cast",
    shape: [2, 16],
    build: (g) => {
      const image = g.node("Unsqueeze", ["x", g.integers(2)]);
      const a = g.node("Identity", [g.conv(image, [3, 2, 1, 3])]);
      const b = g.node("Squeeze", [g.node("Dropout", [a]), g.integers(2)]);
      return g.head(g.node("Relu", [g.node("Cast", [b], { to: 1 })]), 42);
    },
  },
  {
    name: "shape arithmetic of exporters",
    shape: image,
    build: (g) => {
      const a = g.node("Relu", [g.conv("x", [4, 3, 3, 3])]);
      const zero = g.node("Constant", [], {
        value: { shape: [], data: [0], type: "int64" },
      });
      const batch = g.node("Gather", [g.node("Shape", [a]), zero], { axis: 0 });
      const rows = g.node("Unsqueeze", [batch, g.integers(0)]);
      const target = g.node("Concat", [rows, g.integers(-1)], { axis: 0 });
      return g.dense(g.node("Reshape", [a, target]), 144, 5);
    },
  },
];
