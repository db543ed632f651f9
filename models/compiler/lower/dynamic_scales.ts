/**
 * DynamicQuantizeLinear: its scale depends on the reading, so that no integers are known
 * beforehand. What it rounds is taken as it is, and quantised as other activations are.
 *
 * @module
 */
import type { OnnxGraph, OnnxNode } from "../onnx/graph.ts";
import type { Tensor } from "../onnx/tensor.ts";
import { UnsupportedModelError } from "./unsupported.ts";

const operator = "DynamicQuantizeLinear";

/** Products of integers, which a scale makes real. */
const products = new Set(["MatMulInteger", "ConvInteger"]);

const one: Tensor = { type: "float", shape: [], data: Float64Array.of(1) };
const zero: Tensor = { ...one, data: Float64Array.of(0) };

/**
 * The graph with what is rounded in the place of its integers, of scale 1 and zero point 0.
 *
 * @throws {UnsupportedModelError} where the integers or the scale are read otherwise
 */
export function withoutDynamicScales(graph: OnnxGraph): OnnxGraph {
  const found = graph.nodes.filter((node) => node.operator === operator);
  if (found.length === 0) return graph;
  const offending = found.filter((node) => isReadOtherwise(graph, node));
  if (offending.length > 0) {
    throw new UnsupportedModelError(offending.map(({ name }) => ({
      name,
      operator,
      why: "its integers or scale are read by more than a product",
      instead: "quantise the model with fixed scales",
    })));
  }
  const constants = new Map(graph.constants);
  const nodes = graph.nodes.map((node): OnnxNode => {
    if (node.operator !== operator) return node;
    const [y, scale, zeroPoint] = node.outputs;
    if (scale) constants.set(scale, one);
    if (zeroPoint) constants.set(zeroPoint, zero);
    return { ...node, operator: "Identity", outputs: [y] };
  });
  return { ...graph, constants, nodes };
}

function isReadOtherwise(graph: OnnxGraph, given: OnnxNode): boolean {
  const [y, scale = "", zeroPoint = ""] = given.outputs;
  const { nodes, outputs, constants } = graph;
  const readersOf = (name: string) =>
    nodes.filter(({ inputs }) => name !== "" && inputs.includes(name));
  const isGiven = (name: string) =>
    outputs.some((output) => output.name === name);
  const soleReader = (name: string) => {
    const readers = readersOf(name);
    return readers.length === 1 && !isGiven(name) ? readers[0] : null;
  };
  const isByConstant = ({ operator, inputs }: OnnxNode) =>
    operator === "Mul" && inputs.some((name) => constants.has(name));
  /** The scale, and constants times it. */
  const scales = [
    scale,
    ...readersOf(scale).filter(isByConstant).map(({ outputs }) => outputs[0]),
  ];
  /** Whether integers become real numbers and are multiplied by the scale. */
  const isScaled = (name: string) => {
    const cast = soleReader(name);
    const product = cast?.operator === "Cast" && soleReader(cast.outputs[0]);
    return product && product.operator === "Mul" &&
      product.inputs.some((input) => scales.includes(input));
  };
  const isSound = ({ operator, inputs, outputs }: OnnxNode) => {
    const [read, by, offset = ""] = inputs;
    if (operator === "DequantizeLinear") {
      return read === y && by === scale && offset === zeroPoint;
    }
    return products.has(operator) && read === y && by !== y &&
      offset === zeroPoint && isScaled(outputs[0]);
  };
  const realProducts = readersOf(y).filter(({ operator }) =>
    products.has(operator)
  ).map(({ outputs }) => soleReader(outputs[0])?.outputs[0]);
  const isSoundScaling = (node: OnnxNode) =>
    node.operator === "DequantizeLinear" ||
    (isByConstant(node) && node.inputs.includes(scale)) ||
    (node.operator === "Mul" &&
      node.inputs.some((name) => realProducts.includes(name)));
  return [y, zeroPoint, ...scales].some(isGiven) ||
    !scales.flatMap(readersOf).every(isSoundScaling) ||
    ![...readersOf(y), ...readersOf(zeroPoint)].every(isSound);
}
