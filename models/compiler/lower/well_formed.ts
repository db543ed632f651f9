/**
 * What every valid graph keeps to; the rules of operators rely on it.
 *
 * @module
 */
import type { OnnxGraph, OnnxNode } from "../onnx/graph.ts";
import { maxElements, sizeOf } from "../onnx/tensor.ts";
import { type OffendingNode, UnsupportedNodeError } from "./unsupported.ts";
import type { Value } from "./values.ts";

/** Inputs that must be there; of all other operators one. */
const minInputs: Readonly<Record<string, number>> = {
  Constant: 0,
  ...Object.fromEntries(
    ["Conv", "Gemm", "MatMul", "Add", "Sub", "Mul", "Div", "Pow", "PRelu"]
      .map((operator) => [operator, 2]),
  ),
  ...Object.fromEntries(
    [
      "ConvTranspose",
      "QuantizeLinear",
      "DequantizeLinear",
      "ConvInteger",
      "MatMulInteger",
    ]
      .map((operator) => [operator, 2]),
  ),
  ...Object.fromEntries(
    ["Equal", "Less", "Greater", "And", "Or", "Mod"]
      .map((operator) => [operator, 2]),
  ),
  Reshape: 2,
  Gather: 2,
  Expand: 2,
  Where: 3,
  Range: 3,
  BatchNormalization: 5,
  RNN: 3,
  QLinearConv: 8,
  QLinearMatMul: 8,
  Quant: 4,
  BipolarQuant: 2,
  RequantShift: 3,
};

/** Nodes that name no output, one that exists, or an input that does not exist yet. */
export function misnamedNodes(
  { nodes, inputs, constants }: OnnxGraph,
): OffendingNode[] {
  const given = new Set([
    ...constants.keys(),
    ...inputs.map(({ name }) => name),
  ]);
  return nodes.flatMap((node) => {
    const why = fault(node, given);
    for (const name of node.outputs) given.add(name);
    const { name, operator } = node;
    return why ? [{ name, operator, why, instead: "correct the model" }] : [];
  });
}

function fault(
  { inputs, outputs }: OnnxNode,
  given: ReadonlySet<string>,
): string | null {
  if (!outputs[0]) return "it has no output";
  const again = outputs.find((name) => name !== "" && given.has(name));
  if (again !== undefined) {
    return `its output ${JSON.stringify(again)} is given twice`;
  }
  const missing = inputs.find((name) => name !== "" && !given.has(name));
  if (missing !== undefined) {
    return `its input ${JSON.stringify(missing)} is given by no node before it`;
  }
  return null;
}

/**
 * Checks what a node is given.
 *
 * @throws {UnsupportedNodeError} if an input that it needs is left out, is text, or
 * holds numbers that are not finite (bounds may be infinite)
 */
export function checkInputs(
  { operator, inputs: names }: OnnxNode,
  inputs: readonly (Value | null)[],
): void {
  const min = Object.hasOwn(minInputs, operator) ? minInputs[operator] : 1;
  const absent = inputs.indexOf(null);
  const leading = absent < 0 ? inputs.length : absent;
  if (leading < min) {
    throw new UnsupportedNodeError(
      `it has ${leading} inputs, and needs ${min}`,
      "correct the model",
    );
  }
  inputs.forEach((value, index) => {
    if (value?.kind !== "constant") return;
    const { type, data } = value.tensor;
    if (type === "string") {
      throw new UnsupportedNodeError(
        "it works on text",
        "export a model of numbers",
      );
    }
    const wrong = data.findIndex((x) =>
      Number.isNaN(x) || (!Number.isFinite(x) && !bounding.has(operator))
    );
    if (wrong < 0) return;
    throw new UnsupportedNodeError(
      `its input ${names[index]} holds ${data[wrong]} at element ${wrong}`,
      "train or export the model anew",
    );
  });
}

/** Operators whose constants are bounds. */
const bounding: ReadonlySet<string> = new Set(["Clip", "Min", "Max"]);

/**
 * Checks what a node gives: as many elements as its shape says, and not too many, all
 * of them finite.
 *
 * @throws {UnsupportedNodeError} otherwise
 */
export function checkResult(value: Value): void {
  const constant = value.kind === "constant";
  const shape = constant ? value.tensor.shape : value.shape;
  const size = sizeOf(shape);
  const whole = shape.every((length) =>
    Number.isInteger(length) && length >= 0
  );
  const held = constant
    ? value.tensor.type === "string" ? size : value.tensor.data.length
    : value.kind === "linear"
    ? value.bias.length
    : size;
  const wrong = coefficients(value).find((list) =>
    !list.every(Number.isFinite)
  );
  if (wrong) {
    throw new UnsupportedNodeError(
      `it comes to ${wrong.find((x) => !Number.isFinite(x))}`,
      "train or export the model anew",
    );
  }
  const min = constant ? 0 : 1;
  if (!whole || size !== held || size < min || size > maxElements) {
    throw new UnsupportedNodeError(
      `its result would have shape [${shape}]`,
      "correct the model",
    );
  }
}

/** The numbers that a value works with, but for those that were given as they are. */
function coefficients(value: Value): Float64Array[] {
  if (value.kind === "gateway") return [];
  if (value.kind === "linear") {
    const weights = value.terms.flatMap(({ map }) =>
      map.kind === "selection" ? [] : [map.weights]
    );
    return [value.bias, ...weights];
  }
  return [];
}
