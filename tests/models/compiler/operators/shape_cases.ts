/**
 * Operators that join, cut, pad, order and view elements.
 *
 * @module
 */
import type { GraphBuilder } from "../../../reference/graph_builder.ts";
import type { OperatorCase } from "./operator_case.ts";

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

export const shapeCases: OperatorCase[] = [
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
