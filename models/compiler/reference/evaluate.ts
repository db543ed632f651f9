/**
 * Evaluates an ONNX graph node by node, in doubles. It shares nothing with the lowering
 * but the reader, so that a mistake of one does not hide in the other.
 *
 * @module
 */
import type { OnnxGraph } from "../onnx/graph.ts";
import { evaluateNode } from "./operators.ts";
import { size, tensor } from "./tensors.ts";
import type { Tensor } from "../onnx/tensor.ts";

/** Exported batches up to this are evaluated as they are: copies of one reading. */
const maxBatch = 16;

/**
 * A function from a reading, all inputs one after another, to the tensors `outputs`,
 * one after another.
 *
 * @throws {RangeError} (the function) naming the node that cannot be evaluated
 */
export function evaluator(
  graph: OnnxGraph,
  outputs: string[],
): (reading: ArrayLike<number>) => Float64Array {
  const [batch] = graph.inputs[0].shape!;
  const copies = batch > 1 && batch <= maxBatch ? batch : 1;
  const nodes = ancestorsOf(graph, outputs);
  const fixed = new Map<string, Tensor>(graph.constants);
  return (reading) => {
    const values = new Map(fixed);
    let from = 0;
    for (const { name, shape } of graph.inputs) {
      const [, ...rest] = shape!;
      const length = size(rest), start = from;
      const data = Float64Array.from(
        { length: copies * length },
        (_, i) => reading[start + i % length],
      );
      values.set(name, tensor([copies, ...rest], data));
      from += length;
    }
    for (const node of nodes) {
      if (values.has(node.outputs[0])) continue;
      const inputs = node.inputs.map((input) =>
        input === "" ? null : values.get(input)!
      );
      const isFixed = node.inputs.every((input) =>
        input === "" || fixed.has(input)
      );
      evaluateNode(node, inputs, graph.opset).forEach((value, i) => {
        if (isFixed) fixed.set(node.outputs[i], value);
        values.set(node.outputs[i], value);
      });
    }
    return Float64Array.from(outputs.flatMap((output) => {
      const { data } = values.get(output)!;
      return Array.from(data.slice(0, data.length / copies));
    }));
  };
}

function ancestorsOf({ nodes }: OnnxGraph, ends: string[]) {
  const needed = new Set(ends);
  return nodes.toReversed().filter(({ inputs, outputs }) => {
    if (!outputs.some((name) => needed.has(name))) return false;
    for (const name of inputs) needed.add(name);
    return true;
  }).toReversed();
}
