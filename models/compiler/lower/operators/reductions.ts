/**
 * Means and sums along axes.
 *
 * @module
 */
import { sizeOf } from "../../onnx/tensor.ts";
import { foldConstant } from "../constants.ts";
import { matrixLimit } from "../linear_map.ts";
import {
  constants,
  dynamicInput,
  linearResult,
  type OperatorRule,
} from "../operator_call.ts";
import { reductionAxes } from "../shapes.ts";
import { UnsupportedNodeError } from "../unsupported.ts";
import { gridOf } from "../values.ts";
import { matrixOf } from "./linear.ts";
import { spatialMean } from "./pooling.ts";

/** Means and sums, as linear maps. */
export const reduceMean: OperatorRule = (call) => {
  const value = dynamicInput(call, 0);
  const { node } = call;
  const known = constants(call);
  const { axes, shape } = reductionAxes(node, value.shape, known[1] ?? null);
  const spatial = value.shape.map((_, axis) => axis).slice(2);
  if (
    gridOf(value.shape) && node.operator === "ReduceMean" &&
    axes.toSorted().join() === spatial.join()
  ) {
    return spatialMean(call, shape);
  }
  const columns = sizeOf(value.shape), rows = sizeOf(shape);
  if (rows * columns > matrixLimit) {
    throw new UnsupportedNodeError(
      `written out it is a matrix of ${rows} x ${columns}`,
      "reduce over all of space, or work on smaller tensors",
    );
  }
  const map = matrixOf(
    columns,
    rows,
    value.shape,
    (x) => foldConstant(node, [x, ...known.slice(1)])!,
  );
  return linearResult(call, value, [map], shape);
};

export const reductionRules: Record<string, OperatorRule> = {
  ReduceMean: reduceMean,
  ReduceSum: reduceMean,
};
