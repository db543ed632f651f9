/**
 * What is done to a graph before it is lowered, or evaluated beside.
 *
 * @module
 */
import type { OnnxGraph } from "../onnx/graph.ts";
import { withPlainScores } from "./classifiers.ts";
import { withoutDynamicScales } from "./dynamic_scales.ts";

/** The graph without what only displays, and without scales that depend on the reading. */
export function prepareGraph(graph: OnnxGraph): OnnxGraph {
  return withoutDynamicScales(withPlainScores(graph));
}
