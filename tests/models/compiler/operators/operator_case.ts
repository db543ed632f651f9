/**
 * A small network of one operator.
 *
 * @module
 */
import { GraphBuilder } from "../../../reference/graph_builder.ts";

export interface OperatorCase {
  name: string;
  shape: number[];
  opset?: number;
  /** Returns the output's name. */
  build: (g: GraphBuilder) => string;
}

/** Builds the case's network. */
export function buildCase({ shape, opset, build }: OperatorCase) {
  const builder = new GraphBuilder(shape, { opset, seed: 7 });
  const onnx = builder.bytes(build(builder));
  return { onnx, builder };
}

/** The case's network before it is written. */
export function buildCaseGraph({ shape, opset, build }: OperatorCase) {
  const builder = new GraphBuilder(shape, { opset, seed: 7 });
  return builder.graph(build(builder));
}
