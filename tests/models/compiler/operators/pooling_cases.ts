/**
 * Pooling and means.
 *
 * @module
 */
import type { OperatorCase } from "./operator_case.ts";

const image = [3, 8, 8];

export const poolingCases: OperatorCase[] = [
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
];
