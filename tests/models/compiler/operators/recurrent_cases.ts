/**
 * Recurrent layers, step by step.
 *
 * @module
 */
import type { GraphBuilder } from "../../../reference/graph_builder.ts";
import type { AttributeSpec } from "../../../reference/onnx_writer.ts";
import type { OperatorCase } from "./operator_case.ts";

/** Five steps of three features. */
const shape = [5, 3];

/** All states of a layer of four, [5, directions, 1, 4]. */
function layer(
  g: GraphBuilder,
  directions: number,
  attributes: Record<string, AttributeSpec> = {},
  start?: string,
): string {
  const x = g.node("Transpose", ["x"], { perm: [1, 0, 2] });
  const inputs = [
    x,
    g.weights([directions, 4, 3], 3),
    g.weights([directions, 4, 4], 4),
    g.weights([directions, 8], 16),
  ];
  if (start) inputs.push("", start);
  return g.node("RNN", inputs, { hidden_size: 4, ...attributes });
}

/** A layer of four with gates, on five steps of three features. */
function gated(
  g: GraphBuilder,
  operator: "LSTM" | "GRU",
  directions: number,
  attributes: Record<string, AttributeSpec> = {},
): string {
  const rows = 4 * (operator === "LSTM" ? 4 : 3);
  return g.node(operator, [
    g.node("Transpose", ["x"], { perm: [1, 0, 2] }),
    g.weights([directions, rows, 3], 3),
    g.weights([directions, rows, 4], 4),
    g.weights([directions, 2 * rows], 16),
  ], { hidden_size: 4, ...attributes });
}

/** The state behind the last step. */
function lastOf(g: GraphBuilder, states: string): string {
  const index = g.constant({ shape: [], data: [-1], type: "int64" });
  const flat = g.node("Squeeze", [states, g.integers(1)]);
  return g.node("Gather", [flat, index], { axis: 0 });
}

export const recurrentCases: OperatorCase[] = [
  {
    name: "LSTM, its last state",
    shape,
    build: (g) => g.dense(lastOf(g, gated(g, "LSTM", 1)), 4, 3),
  },
  {
    name: "LSTM, all states of both directions",
    shape,
    build: (g) => {
      const states = gated(g, "LSTM", 2, { direction: "bidirectional" });
      return g.dense(g.node("Reshape", [states, g.integers(1, 40)]), 40, 3);
    },
  },
  {
    name: "GRU, its last state",
    shape,
    build: (g) => {
      const states = gated(g, "GRU", 1, { linear_before_reset: 1 });
      return g.dense(lastOf(g, states), 4, 3);
    },
  },
  {
    name: "GRU, all states of both directions",
    shape,
    build: (g) => {
      const states = gated(g, "GRU", 2, {
        direction: "bidirectional",
        linear_before_reset: 1,
      });
      return g.dense(g.node("Reshape", [states, g.integers(1, 40)]), 40, 3);
    },
  },
  {
    name: "RNN, its last state",
    shape,
    build: (g) => {
      const states = g.node("Squeeze", [layer(g, 1), g.integers(1)]);
      const last = g.node("Gather", [
        states,
        g.constant({ shape: [], data: [-1], type: "int64" }),
      ], { axis: 0 });
      return g.dense(last, 4, 3);
    },
  },
  {
    name: "RNN, all states of both directions, by Relu",
    shape,
    build: (g) => {
      const states = layer(g, 2, {
        direction: "bidirectional",
        activations: { strings: ["Relu", "Relu"] },
      });
      const flat = g.node("Reshape", [states, g.integers(1, 40)]);
      return g.dense(flat, 40, 3);
    },
  },
  {
    name: "RNN, backwards from a state",
    shape,
    build: (g) => {
      const start = g.weights([1, 1, 4]);
      const states = layer(g, 1, { direction: "reverse" }, start);
      return g.node("Reshape", [states, g.integers(1, 20)]);
    },
  },
];
