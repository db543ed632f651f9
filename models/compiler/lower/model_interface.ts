/**
 * Finds what stands in the way of a graph's inputs and outputs.
 *
 * @module
 */
import type { OnnxGraph } from "../onnx/graph.ts";
import { maxElements, sizeOf } from "../onnx/tensor.ts";
import type { OffendingNode } from "./unsupported.ts";

/** What stands in the way of readings in, values out: none of either, or of unknown size. */
export function interfaceFaults(
  { inputs, outputs }: OnnxGraph,
): OffendingNode[] {
  const faults: OffendingNode[] = [];
  for (const [operator, list] of Object.entries({ inputs, outputs })) {
    if (list.length > 0) continue;
    faults.push({
      name: "the graph",
      operator,
      why: "expected one or more, got none",
      instead: "correct the model",
    });
  }
  const batches = new Set(inputs.map(({ shape }) => shape?.[0]));
  if (batches.size > 1) {
    faults.push({
      name: inputs.map(({ name }) => name).join(", "),
      operator: "inputs",
      why: `expected one batch axis, got lengths ${
        [...batches].map((length) => length === -1 ? "?" : length).join(", ")
      }`,
      instead: "give all inputs the batch as their first axis",
    });
  }
  for (const { name, shape } of inputs) {
    const rest = shape?.slice(1);
    const known = shape?.length && rest!.every((length) => length > 0);
    if (known && sizeOf(rest!) <= maxElements) continue;
    if (known) {
      faults.push({
        name,
        operator: "input",
        why: `it has shape [${shape}]: more than ${maxElements} elements`,
        instead: "export it for smaller readings",
      });
      continue;
    }
    const shown = shape?.length
      ? `has shape [${shape.map((length) => length < 0 ? "?" : length)}]`
      : "has no shape";
    faults.push({
      name,
      operator: "input",
      why:
        `it ${shown}; only the first axis (the batch) may be of unknown length`,
      instead:
        "give its shape (--input-shape), or export it with fixed lengths",
    });
  }
  return faults;
}
