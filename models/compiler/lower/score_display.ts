/**
 * Softmax, LogSoftmax and ArgMax at the end of a model are left to the code that displays the
 * scores.
 *
 * @module
 */
import {
  numberAttribute,
  type OnnxGraph,
  type OnnxNode,
} from "../onnx/graph.ts";
import { sizeOf } from "../onnx/tensor.ts";
import type { ScoreDisplay } from "../../../sdk/wire/values.ts";
import { normaliseAxis } from "./shapes.ts";
import type { OffendingNode } from "./unsupported.ts";

export interface DetachedTail {
  /** What was taken off, from the end. */
  removed: OnnxNode[];
  /** The tensor that the remaining nodes give. */
  output: string;
  tail: ScoreDisplay;
}

/** Operators that are known only as the last of a model. */
export const tailOperators: ReadonlySet<string> = new Set([
  "Softmax",
  "LogSoftmax",
  "ArgMax",
]);

/** Tails that change how scores are displayed. */
const displays: Record<string, ScoreDisplay> = {
  Softmax: "softmax",
  LogSoftmax: "logSoftmax",
};

/**
 * Passed over on the way to Softmax or ArgMax; probabilities that are quantised and real
 * again are displayed as they were.
 */
const views = new Set(["Identity", "Cast", "Squeeze", "DequantizeLinear"]);

/**
 * Takes the tail off the output `last` of a graph.
 *
 * @param kept names of nodes that stay
 */
export function detachTail(
  graph: OnnxGraph,
  last: string,
  kept: ReadonlySet<string> = new Set(),
): DetachedTail {
  const makerOf = (name: string) =>
    graph.nodes.find(({ outputs }) => outputs[0] === name);
  const path: OnnxNode[] = [];
  let output = last, cut = 0;
  for (;;) {
    const node = makerOf(output);
    if (!node) break;
    const isTail = tailOperators.has(node.operator) && !kept.has(node.name);
    if (!isTail && !views.has(node.operator)) break;
    // Ahead of a Softmax or ArgMax a cast may truncate: it stays, and is judged.
    if (node.operator === "Cast" && cut > 0) break;
    if (node.operator === "DequantizeLinear") {
      const quantise = makerOf(node.inputs[0]);
      if (cut > 0 || quantise?.operator !== "QuantizeLinear") break;
      path.push(node, quantise);
      output = quantise.inputs[0];
      continue;
    }
    path.push(node);
    if (isTail) cut = path.length;
    output = node.inputs[0];
    if (node.operator in displays) break;
  }
  // Views that no Softmax or ArgMax follows stay.
  const removed = path.slice(0, cut).filter(({ operator }) =>
    tailOperators.has(operator)
  );
  return {
    removed,
    output: cut > 0 ? path[cut - 1].inputs[0] : last,
    tail: displays[removed.at(-1)?.operator ?? ""] ?? "none",
  };
}

/** The removed nodes that would work on anything but all scores together. */
export function checkTail(
  { removed }: DetachedTail,
  shape: number[],
  opset: number,
): OffendingNode[] {
  return removed.flatMap((node) => {
    const { name, operator } = node;
    const isSoftmax = operator in displays;
    const fallback = isSoftmax ? (opset < 13 ? 1 : -1) : 0;
    const given = numberAttribute(node, "axis", fallback);
    const axis = normaliseAxis(given, shape.length);
    // Before opset 13 Softmax took all axes from its own on together.
    const together = isSoftmax && opset < 13
      ? sizeOf(shape.slice(axis))
      : shape[axis];
    if (together === sizeOf(shape)) return [];
    return [{
      name,
      operator,
      why:
        `it works along axis ${given} of [${shape}], not on all scores together`,
      instead: "end the model at the scores",
    }];
  });
}
