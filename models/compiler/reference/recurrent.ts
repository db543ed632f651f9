/**
 * Recurrent layers, by their definition.
 *
 * @module
 */
import type { OnnxNode } from "../onnx/graph.ts";
import type { Tensor } from "../onnx/tensor.ts";
import { number, text } from "./attributes.ts";
import { tensor } from "./tensors.ts";

type Of1 = (x: number) => number;

const functions: Readonly<Record<string, Of1>> = {
  Tanh: Math.tanh,
  Relu: (x) => x > 0 ? x : 0,
  Sigmoid: (x) => 1 / (1 + Math.exp(-x)),
};

interface State {
  h: number[];
  c: number[];
}

/** What one direction's weights make of readings (x) and states (r), row after row. */
interface Sums {
  x: number[];
  r: number[];
}

interface CellRule {
  gates: number;
  defaults: string[];
  next(sums: Sums, state: State, f: Of1[], node: OnnxNode): State;
}

/** Each kind's next state, by the formulas of ONNX. */
export const cells: Readonly<Record<string, CellRule>> = {
  RNN: {
    gates: 1,
    defaults: ["Tanh"],
    next: ({ x, r }, { h, c }, [f]) => ({
      h: h.map((_, i) => f(x[i] + r[i])),
      c,
    }),
  },
  LSTM: {
    gates: 4,
    defaults: ["Sigmoid", "Tanh", "Tanh"],
    next: ({ x, r }, { h, c }, [f, g, out]) => {
      const n = h.length,
        at = (gate: number, i: number) => x[gate * n + i] + r[gate * n + i];
      const cell = c.map((before, i) =>
        f(at(2, i)) * before + f(at(0, i)) * g(at(3, i))
      );
      return { h: cell.map((value, i) => f(at(1, i)) * out(value)), c: cell };
    },
  },
  GRU: {
    gates: 3,
    defaults: ["Sigmoid", "Tanh"],
    next: ({ x, r }, { h, c }, [f, g], node) => {
      if (number(node, "linear_before_reset", 0) !== 1) {
        throw new RangeError(
          "Cannot evaluate: GRU with linear_before_reset 0 is not known",
        );
      }
      const n = h.length;
      const next = h.map((before, i) => {
        const z = f(x[i] + r[i]), reset = f(x[n + i] + r[n + i]);
        const hidden = g(x[2 * n + i] + reset * r[2 * n + i]);
        return (1 - z) * hidden + z * before;
      });
      return { h: next, c };
    },
  },
};

/** All states, the last of each direction, and the last cells. */
export function recurrent(
  node: OnnxNode,
  inputs: (Tensor | null)[],
): Tensor[] {
  const [x, w, r, b, , startH, startC] = inputs as Tensor[];
  const rule = cells[node.operator];
  const batchFirst = number(node, "layout", 0) === 1;
  const [steps, batch] = batchFirst
    ? [x.shape[1], x.shape[0]]
    : [x.shape[0], x.shape[1]];
  const [directions, rows, features] = w.shape, hidden = rows / rule.gates;
  const given = node.attributes.get("activations");
  const names = given?.kind === "strings"
    ? given.value
    : [...rule.defaults, ...rule.defaults];
  const backwards = text(node, "direction", "forward") === "reverse";
  const y = new Float64Array(steps * directions * batch * hidden);
  const lastH = new Float64Array(directions * batch * hidden);
  const lastC = new Float64Array(directions * batch * hidden);
  const sums = (
    weights: Tensor,
    d: number,
    values: ArrayLike<number>,
    bias: number,
  ) =>
    Array.from({ length: rows }, (_, row) => {
      const first = (d * rows + row) * values.length;
      let sum = b ? b.data[(2 * d + bias) * rows + row] : 0;
      for (let i = 0; i < values.length; i++) {
        sum += weights.data[first + i] * values[i];
      }
      return sum;
    });
  for (let d = 0; d < directions; d++) {
    const count = rule.defaults.length;
    const f = names.slice(d * count, (d + 1) * count)
      .map((name) => functions[name]);
    for (let s = 0; s < batch; s++) {
      const place = batchFirst ? s * directions + d : d * batch + s;
      const initial = (start: Tensor | undefined) =>
        Array.from(
          { length: hidden },
          (_, i) => start ? start.data[place * hidden + i] : 0,
        );
      let state: State = { h: initial(startH), c: initial(startC) };
      for (let step = 0; step < steps; step++) {
        const t = backwards || d === 1 ? steps - 1 - step : step;
        const from = (batchFirst ? s * steps + t : t * batch + s) * features;
        const reading = x.data.subarray(from, from + features);
        state = rule.next(
          { x: sums(w, d, reading, 0), r: sums(r, d, state.h, 1) },
          state,
          f,
          node,
        );
        const to = batchFirst
          ? (s * steps + t) * directions + d
          : (t * directions + d) * batch + s;
        y.set(state.h, to * hidden);
      }
      lastH.set(state.h, place * hidden);
      lastC.set(state.c, place * hidden);
    }
  }
  const shape = batchFirst
    ? [batch, directions, hidden]
    : [directions, batch, hidden];
  const all = batchFirst
    ? [batch, steps, directions, hidden]
    : [steps, directions, batch, hidden];
  return [tensor(all, y), tensor(shape, lastH), tensor(shape, lastC)]
    .slice(0, node.outputs.length);
}
