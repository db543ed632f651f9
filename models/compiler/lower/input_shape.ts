/**
 * Models with axes of unknown length, compiled for one length.
 *
 * @module
 */
import type { OnnxGraph } from "../onnx/graph.ts";

/**
 * The graph with the shape of its input, batch axis and all, given by the caller.
 *
 * @throws {RangeError} where the shape contradicts the file's, or there are several inputs
 */
export function withInputShape(
  graph: OnnxGraph,
  shape: readonly number[],
): OnnxGraph {
  const [input, ...others] = graph.inputs;
  if (!input || others.length > 0) {
    throw new RangeError(
      `Cannot give the input's shape: expected one input, got ${graph.inputs.length}`,
    );
  }
  const known = input.shape ?? shape.map(() => -1);
  const fits = known.length === shape.length &&
    shape.every((length, axis) =>
      Number.isInteger(length) && length > 0 &&
      (axis === 0 || known[axis] < 0 || known[axis] === length)
    );
  if (!fits) {
    const shown = known.map((length) => length < 0 ? "?" : length);
    throw new RangeError(
      `Cannot give the input the shape [${shape}]: expected [${shown}]`,
    );
  }
  return { ...graph, inputs: [{ ...input, shape: [...shape] }] };
}
