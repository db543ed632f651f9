/**
 * Evaluates an ONNX graph node by node, in doubles. It shares nothing with the lowering
 * but the reader, so that a mistake of one does not hide in the other.
 */
import type { OnnxGraph } from "../onnx/graph.ts";
import { evaluateNode } from "./operators.ts";
import { size, type Tensor, tensor } from "./tensors.ts";

/** Exported batches up to this are evaluated as they are: copies of one reading. */
const maxBatch = 16;

/**
 * A function from a reading to the tensor `output`.
 *
 * @throws {RangeError} (the function) naming the node that cannot be evaluated
 */
export function evaluator(
  graph: OnnxGraph,
  output: string,
): (reading: ArrayLike<number>) => Float64Array {
  const [{ name, shape }] = graph.inputs;
  const [batch, ...rest] = shape!;
  const copies = batch > 1 && batch <= maxBatch ? batch : 1;
  const nodes = ancestorsOf(graph, output);
  const fixed = new Map<string, Tensor>(graph.constants);
  return (reading) => {
    const length = size(rest);
    const data = new Float64Array(copies * length);
    for (let copy = 0; copy < copies; copy++) data.set(reading, copy * length);
    const values = new Map(fixed).set(name, tensor([copies, ...rest], data));
    for (const node of nodes) {
      if (values.has(node.outputs[0])) continue;
      const inputs = node.inputs.map((input) =>
        input === "" ? null : values.get(input)!
      );
      const isFixed = node.inputs.every((input) =>
        input === "" || fixed.has(input)
      );
      evaluateNode(node, inputs).forEach((value, i) => {
        if (isFixed) fixed.set(node.outputs[i], value);
        values.set(node.outputs[i], value);
      });
    }
    const scores = values.get(output)!.data;
    return scores.slice(0, scores.length / copies);
  };
}

function ancestorsOf({ nodes }: OnnxGraph, output: string) {
  const needed = new Set([output]);
  return nodes.toReversed().filter(({ inputs, outputs }) => {
    if (!outputs.some((name) => needed.has(name))) return false;
    for (const name of inputs) needed.add(name);
    return true;
  }).toReversed();
}
