import type { OnnxGraph } from "../onnx/graph.ts";
import { maxElements, sizeOf } from "../onnx/tensor.ts";
import type { OffendingNode } from "./unsupported.ts";

/** What stands in the way of one reading in, one list of scores out. */
export function interfaceFaults(
  { inputs, outputs }: OnnxGraph,
): OffendingNode[] {
  const faults: OffendingNode[] = [];
  const names = (list: { name: string }[]) =>
    list.map(({ name }) => name).join(", ");
  if (inputs.length !== 1) {
    faults.push({
      name: names(inputs),
      operator: "inputs",
      why: `expected one input, got ${inputs.length}`,
      instead: "join them to one before export",
    });
  }
  if (outputs.length !== 1) {
    faults.push({
      name: names(outputs),
      operator: "outputs",
      why: `expected one output, got ${outputs.length}`,
      instead: "export the model with the one that is wanted",
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
