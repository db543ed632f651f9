/**
 * Operators that are linear maps: convolutions, dense layers, constants, sums of branches.
 *
 * @module
 */
import type { OperatorCase } from "./operator_case.ts";

const image = [3, 8, 8];

export const linearCases: OperatorCase[] = [
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
    name: "ConvTranspose, stride 2, between rectifiers",
    shape: image,
    build: (g) => {
      const x = g.node("Relu", [
        g.conv("x", [6, 3, 3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }),
      ]);
      const y = g.node("ConvTranspose", [
        ...[x, g.weights([6, 4, 2, 2], 24), g.weights([4], 16)],
      ], { strides: [2, 2] });
      return g.conv(g.node("Relu", [y]), [2, 4, 3, 3]);
    },
  },
  {
    name: "ConvTranspose, groups, dilated, padded, of stride 1",
    shape: [4, 6, 6],
    build: (g) =>
      g.node("ConvTranspose", ["x", g.weights([4, 3, 3, 2], 12)], {
        group: 2,
        dilations: [2, 1],
        pads: [1, 0, 2, 1],
      }),
  },
  {
    name: "ConvTranspose, odd kernel and strides, output_padding",
    shape: [2, 5, 4],
    build: (g) =>
      g.node("ConvTranspose", ["x", g.weights([2, 3, 4, 3], 8)], {
        strides: [3, 2],
        pads: [1, 1, 1, 1],
        output_padding: [1, 1],
      }),
  },
  {
    name: "ConvTranspose, 1-D, then Sigmoid",
    shape: [3, 10],
    build: (g) =>
      g.node("Sigmoid", [
        g.node("ConvTranspose", ["x", g.weights([3, 2, 4], 6)], {
          strides: [2],
          pads: [1, 1],
        }),
      ]),
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
];
