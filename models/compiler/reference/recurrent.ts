/**
 * Recurrent layers, by their definition.
 *
 * @module
 */
import type { OnnxNode } from "../onnx/graph.ts";
import type { Tensor } from "../onnx/tensor.ts";
import { number, text } from "./attributes.ts";
import { tensor } from "./tensors.ts";

const functions: Readonly<Record<string, (x: number) => number>> = {
  Tanh: Math.tanh,
  Relu: (x) => x > 0 ? x : 0,
  Sigmoid: (x) => 1 / (1 + Math.exp(-x)),
};

/** All states, and the last of each direction. */
export function rnn(node: OnnxNode, inputs: (Tensor | null)[]): Tensor[] {
  const [x, w, r, b, , start] = inputs as Tensor[];
  const batchFirst = number(node, "layout", 0) === 1;
  const [steps, batch] = batchFirst
    ? [x.shape[1], x.shape[0]]
    : [x.shape[0], x.shape[1]];
  const [directions, hidden, features] = w.shape;
  const given = node.attributes.get("activations");
  const names = given?.kind === "strings" ? given.value : ["Tanh", "Tanh"];
  const backwards = text(node, "direction", "forward") === "reverse";
  const y = new Float64Array(steps * directions * batch * hidden);
  const last = new Float64Array(directions * batch * hidden);
  for (let d = 0; d < directions; d++) {
    for (let s = 0; s < batch; s++) {
      const place = batchFirst ? s * directions + d : d * batch + s;
      let state = Array.from(
        { length: hidden },
        (_, h) => start ? start.data[place * hidden + h] : 0,
      );
      for (let step = 0; step < steps; step++) {
        const t = backwards || d === 1 ? steps - 1 - step : step;
        const from = (batchFirst ? s * steps + t : t * batch + s) * features;
        state = state.map((_, h) => {
          const row = d * hidden + h;
          let sum = b
            ? b.data[d * 2 * hidden + h] + b.data[(d * 2 + 1) * hidden + h]
            : 0;
          for (let i = 0; i < features; i++) {
            sum += w.data[row * features + i] * x.data[from + i];
          }
          for (let i = 0; i < hidden; i++) {
            sum += r.data[row * hidden + i] * state[i];
          }
          return functions[names[d]](sum);
        });
        const to = batchFirst
          ? (s * steps + t) * directions + d
          : (t * directions + d) * batch + s;
        y.set(state, to * hidden);
      }
      last.set(state, place * hidden);
    }
  }
  return batchFirst
    ? [
      tensor([batch, steps, directions, hidden], y),
      tensor([batch, directions, hidden], last),
    ]
    : [
      tensor([steps, directions, batch, hidden], y),
      tensor([directions, batch, hidden], last),
    ];
}
