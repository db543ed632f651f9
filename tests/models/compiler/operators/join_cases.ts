/**
 * Products, norms and reductions that the gateway takes between two rounds.
 *
 * @module
 */
import type { GraphBuilder } from "../../../reference/graph_builder.ts";
import type { OperatorCase } from "./operator_case.ts";

const picture = [3, 6, 6];

/** Channel means, a bottleneck and a gate: squeeze and excite. */
function squeezeExcite(g: GraphBuilder, x: string, channels: number): string {
  const means = g.node("GlobalAveragePool", [x]);
  const inner = g.node("Relu", [g.conv(means, [2, channels, 1, 1])]);
  const gate = g.node("HardSigmoid", [g.conv(inner, [channels, 2, 1, 1])]);
  return g.node("Mul", [x, gate]);
}

/** A tensor of shape [1, 4, 6] from a vector of 12. */
function sequence(g: GraphBuilder): string {
  return g.node("Reshape", [g.dense("x", 12, 24), g.integers(1, 4, 6)]);
}

const scales = (g: GraphBuilder, count: number) => [
  g.constant({ shape: [count], data: [1.5, .5, -1, 2, 1, .7].slice(0, count) }),
  g.constant({
    shape: [count],
    data: [.1, -.2, .3, 0, .5, -1].slice(0, count),
  }),
];

export const joinCases: OperatorCase[] = [
  {
    name: "Mul by a gate for each channel (squeeze and excite)",
    shape: picture,
    build: (g) => {
      const x = g.node("Relu", [g.conv("x", [4, 3, 3, 3])]);
      return g.head(squeezeExcite(g, x, 4), 64, 5);
    },
  },
  {
    name: "Mul of two branches (GLU), at the end",
    shape: [8],
    build: (g) => {
      const gate = g.node("Sigmoid", [g.dense("x", 8, 5)]);
      return g.node("Mul", [g.dense("x", 8, 5), gate]);
    },
  },
  {
    name: "Mul of a convolution and the mean of it, with a residual",
    shape: picture,
    build: (g) => {
      const x = g.node("Relu", [g.conv("x", [4, 3, 3, 3])]);
      const mean = g.node("GlobalAveragePool", [x]);
      const sum = g.node("Add", [g.node("Mul", [x, mean]), x]);
      return g.head(sum, 64, 5);
    },
  },
  {
    name: "Mul of the reading and a gate, twice",
    shape: [6],
    build: (g) => {
      const gate = g.node("Sigmoid", [g.dense("x", 6, 6)]);
      const once = g.node("Mul", ["x", gate]);
      const twice = g.node("Mul", [once, gate]);
      return g.dense(twice, 6, 4);
    },
  },
  {
    name: "Div by a positive tensor",
    shape: [12],
    build: (g) => {
      const divisor = g.node("Add", [
        g.node("Sigmoid", [g.dense("x", 12, 5)]),
        g.number(.5),
      ]);
      return g.dense(g.node("Div", [g.dense("x", 12, 5), divisor]), 5, 4);
    },
  },
  {
    name: "MatMul of two tensors, and Softmax between (attention)",
    shape: [12],
    build: (g) => {
      const x = sequence(g);
      const project = () => g.node("MatMul", [x, g.weights([6, 6], 6)]);
      const keys = g.node("Transpose", [project()], { perm: [0, 2, 1] });
      const products = g.node("MatMul", [project(), keys]);
      const scaled = g.node("Mul", [products, g.number(1 / Math.sqrt(6))]);
      const weights = g.node("Softmax", [scaled], { axis: -1 });
      return g.head(g.node("MatMul", [weights, project()]), 24, 5);
    },
  },
  {
    name: "Softmax over channels at the end",
    shape: picture,
    build: (g) => g.node("Softmax", [g.conv("x", [4, 3, 3, 3])], { axis: 1 }),
  },
  {
    name: "Softmax (opset 11), its axes from the second on together",
    shape: [12],
    opset: 11,
    build: (g) => {
      const rows = g.node("Reshape", [
        g.dense("x", 12, 24),
        g.integers(1, 4, 6),
      ]);
      return g.head(g.node("Softmax", [rows], { axis: 2 }), 24, 5);
    },
  },
  {
    name: "LayerNormalization",
    shape: [12],
    opset: 17,
    build: (g) => {
      const [scale, shift] = scales(g, 6);
      const normal = g.node("LayerNormalization", [sequence(g), scale, shift], {
        axis: -1,
      });
      return g.head(normal, 24, 5);
    },
  },
  {
    name: "InstanceNormalization",
    shape: picture,
    build: (g) => {
      const normal = g.node("InstanceNormalization", [
        g.conv("x", [4, 3, 3, 3]),
        ...scales(g, 4),
      ]);
      return g.head(g.node("Relu", [normal]), 64, 5);
    },
  },
  {
    name: "GroupNormalization (opset 18), scales by group",
    shape: picture,
    opset: 18,
    build: (g) => {
      const normal = g.node("GroupNormalization", [
        g.conv("x", [4, 3, 3, 3]),
        ...scales(g, 2),
      ], { num_groups: 2 });
      return g.head(normal, 64, 5);
    },
  },
  {
    name: "MeanVarianceNormalization and LpNormalization",
    shape: picture,
    build: (g) => {
      const normal = g.node("MeanVarianceNormalization", [
        g.conv("x", [4, 3, 3, 3]),
      ]);
      const vector = g.head(g.node("Relu", [normal]), 64, 8);
      return g.dense(g.node("LpNormalization", [vector]), 8, 5);
    },
  },
  {
    name: "LRN",
    shape: picture,
    build: (g) => {
      const x = g.node("Relu", [g.conv("x", [6, 3, 3, 3])]);
      const normal = g.node("LRN", [x], {
        size: 3,
        alpha: { float: .5 },
        bias: { float: 1.5 },
      });
      return g.head(normal, 96, 5);
    },
  },
  {
    name: "Resize to the nearest, by whole factors",
    shape: picture,
    build: (g) => {
      const x = g.node("Relu", [g.conv("x", [2, 3, 3, 3])]);
      const scales = g.constant({ shape: [4], data: [1, 1, 2, 3] });
      const large = g.node("Resize", [x, "", scales], {
        mode: "nearest",
        coordinate_transformation_mode: "asymmetric",
        nearest_mode: "floor",
      });
      return g.head(g.conv(large, [2, 2, 3, 3]), 120, 5);
    },
  },
  {
    name: "Resize to the nearest, to a length and down",
    shape: picture,
    build: (g) => {
      const x = g.node("Relu", [g.conv("x", [2, 3, 3, 3])]);
      const scales = g.constant({ shape: [4], data: [1, 1, .5, .5] });
      const small = g.node("Resize", [x, "", scales], { mode: "nearest" });
      const sizes = g.constant({
        shape: [4],
        data: [1, 2, 3, 5],
        type: "int64",
      });
      const other = g.node("Resize", [x, "", "", sizes], { mode: "nearest" });
      const all = [g.head(small, 8, 4), g.head(other, 30, 4)];
      return g.dense(g.node("Concat", all, { axis: 1 }), 8, 5);
    },
  },
  {
    name: "Upsample (opset 9)",
    shape: picture,
    opset: 9,
    build: (g) => {
      const x = g.node("Sigmoid", [g.conv("x", [2, 3, 3, 3])]);
      const scales = g.constant({ shape: [4], data: [1, 1, 2, 2] });
      return g.head(g.node("Upsample", [x, scales]), 128, 5);
    },
  },
  {
    name: "ReduceMax and ReduceMin over channels",
    shape: picture,
    build: (g) => {
      const x = g.conv("x", [4, 3, 3, 3]);
      const max = g.node("ReduceMax", [x], { axes: [1] });
      const min = g.node("ReduceMin", [x], { axes: [1] });
      return g.head(g.node("Concat", [max, min], { axis: 1 }), 32, 5);
    },
  },
  {
    name: "ReduceSumSquare, ReduceL1 and ReduceL2",
    shape: [12],
    build: (g) => {
      const by = (operator: string) =>
        g.node(operator, [sequence(g)], {
          axes: [2],
          keepdims: 0,
        });
      const all = ["ReduceSumSquare", "ReduceL1", "ReduceL2"].map(by);
      return g.dense(g.node("Concat", all, { axis: 1 }), 12, 5);
    },
  },
  {
    name: "Max and Min of two tensors, and with one constant an element",
    shape: [12],
    build: (g) => {
      const [a, b] = [g.dense("x", 12, 5), g.dense("x", 12, 5)];
      const max = g.node("Max", [a, b, g.weights([1, 5])]);
      return g.dense(g.node("Min", [max, g.dense("x", 12, 5)]), 5, 4);
    },
  },
  {
    name: "Greater, Less and Where of one tensor (hard shrinking)",
    shape: [6],
    build: (g) => {
      const x = g.dense("x", 6, 5);
      const above = g.node("Greater", [x, g.number(.3)]);
      const below = g.node("Less", [x, g.number(-.3)]);
      const kept = g.node("Where", [above, x, g.number(0)]);
      const other = g.node("Where", [below, x, g.number(0)]);
      return g.dense(g.node("Add", [kept, other]), 5, 4);
    },
  },
  {
    name: "Where by another tensor than its branches",
    shape: [6],
    build: (g) => {
      const gate = g.node("Sigmoid", [g.dense("x", 6, 5)]);
      const isOpen = g.node("Greater", [gate, g.number(.5)]);
      const [a, b] = [g.dense("x", 6, 5), g.dense("x", 6, 5)];
      // The difference, which is near 0 where the condition turns.
      const difference = g.node("Mul", [
        g.node("Sub", [gate, g.number(.5)]),
        a,
      ]);
      const chosen = g.node("Where", [isOpen, difference, g.number(0)]);
      return g.dense(g.node("Add", [chosen, b]), 5, 4);
    },
  },
];
