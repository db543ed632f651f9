/**
 * The part of a graph that some of its tensors depend on.
 *
 * @module
 */
import type { OnnxGraph, OnnxNode } from "../onnx/graph.ts";

/** The nodes that the tensors `ends` depend on, in the graph's order. */
export function neededNodes(nodes: OnnxNode[], ends: string[]): OnnxNode[] {
  const needed = new Set(ends);
  return nodes.toReversed().filter(({ inputs, outputs }) => {
    if (!outputs.some((name) => needed.has(name))) return false;
    for (const name of inputs) needed.add(name);
    return true;
  }).toReversed();
}

/**
 * The graph that ends in the tensors named: outputs of it, or what any node gives. Inputs
 * that nothing reads any more are left out.
 *
 * @throws {RangeError} naming a tensor that no node gives, or that is named twice
 */
export function withOutputs(
  graph: OnnxGraph,
  names: readonly string[],
): OnnxGraph {
  const given = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
  names.forEach((name, i) => {
    if (names.indexOf(name) < i) {
      throw new RangeError(
        `Cannot end the model at ${JSON.stringify(name)}: it is named twice`,
      );
    }
    if (name !== "" && given.has(name)) return;
    const known = graph.outputs.map(({ name }) => name).join(", ");
    throw new RangeError(
      `Cannot end the model at ${
        JSON.stringify(name)
      }: no node gives it (its outputs are ${known})`,
    );
  });
  const nodes = neededNodes(graph.nodes, [...names]);
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  return {
    ...graph,
    nodes,
    inputs: graph.inputs.filter(({ name }) => read.has(name)),
    outputs: names.map((name) =>
      graph.outputs.find((output) => output.name === name) ??
        { name, shape: null }
    ),
  };
}
