/**
 * Operators of ai.onnx.ml, by their definitions.
 *
 * @module
 */
import type { OnnxNode } from "../onnx/graph.ts";
import type { Tensor } from "../onnx/tensor.ts";
import { listAttribute, number } from "./attributes.ts";
import { tensor } from "./tensors.ts";

type Rule = (node: OnnxNode, inputs: (Tensor | null)[]) => Tensor;

/** Each row of features times each row of `weights`, plus its bias. */
function scores(x: Tensor, weights: number[][], biases: number[]): Tensor {
  const [samples, features] = x.shape;
  const data: number[] = [];
  for (let s = 0; s < samples; s++) {
    weights.forEach((row, r) => {
      let sum = biases[r] ?? 0;
      for (let f = 0; f < features; f++) {
        sum += row[f] * x.data[s * features + f];
      }
      data.push(sum);
    });
  }
  return tensor([samples, weights.length], Float64Array.from(data));
}

function rowsOf(list: number[], length: number): number[][] {
  return Array.from(
    { length: list.length / length },
    (_, r) => list.slice(r * length, (r + 1) * length),
  );
}

const linear: Rule = (node, [x]) => {
  const weights = listAttribute(node, "coefficients") ?? [];
  const rows = rowsOf(weights, x!.shape[1]);
  return scores(x!, rows, listAttribute(node, "intercepts") ?? []);
};

const scaler: Rule = (node, [x]) => {
  const offset = listAttribute(node, "offset") ?? [0];
  const scale = listAttribute(node, "scale") ?? [1];
  const data = x!.data.map((value, i) =>
    (value - offset[offset.length > 1 ? i % x!.shape[1] : 0]) *
    scale[scale.length > 1 ? i % x!.shape[1] : 0]
  );
  return tensor(x!.shape, data);
};

const svmRegressor: Rule = (node, [x]) => {
  const factors = listAttribute(node, "coefficients") ?? [];
  const rho = listAttribute(node, "rho") ?? [0];
  if (number(node, "n_supports", 0) === 0) return scores(x!, [factors], rho);
  const vectors = rowsOf(
    listAttribute(node, "support_vectors")!,
    x!.shape[1],
  );
  const kernels = scores(x!, vectors, []);
  return scores(kernels, [factors], rho);
};

const oneHotEncoder: Rule = (node, [x]) => {
  const categories = listAttribute(node, "cats_int64s")!;
  const data = Array.from(x!.data).flatMap((value) =>
    categories.map((category) => Number(Math.round(value) === category))
  );
  return tensor(
    [...x!.shape, categories.length],
    Float64Array.from(data),
  );
};

export const mlOperators: Readonly<Record<string, Rule>> = {
  Scaler: scaler,
  LinearRegressor: linear,
  LinearClassifier: linear,
  SVMRegressor: svmRegressor,
  OneHotEncoder: oneHotEncoder,
};
