/**
 * Conv, Gemm, MatMul and BatchNormalization.
 *
 * @module
 */
import type { Convolution } from "../../ir.ts";
import { numberAttribute } from "../../onnx/graph.ts";
import { sizeOf, type Tensor } from "../../onnx/tensor.ts";
import { matrixProduct } from "../constants.ts";
import { matrixLimit, scaleRows } from "../linear_map.ts";
import {
  constantInput,
  dynamicInput,
  layerResult,
  type OperatorCall,
  type OperatorRule,
} from "../operator_call.ts";
import { matrixProducts } from "./joins.ts";
import { UnsupportedNodeError } from "../unsupported.ts";
import { gridOf, type LinearValue } from "../values.ts";
import { windowOf } from "../windows.ts";

/**
 * What a convolution works on: a value on a grid, and weights of as many dimensions.
 *
 * @throws {UnsupportedNodeError} on any other
 */
export function convolutionOperands(call: OperatorCall) {
  const value = dynamicInput(call, 0);
  const weights = constantInput(call, 1)!, bias = constantInput(call, 2);
  const input = gridOf(value.shape);
  if (!input || weights.shape.length !== value.shape.length) {
    throw new UnsupportedNodeError(
      `it works on a tensor of shape [${value.shape}]; 1-D and 2-D convolutions of a batch of 1 are known`,
      "express it by 1-D or 2-D convolutions",
    );
  }
  const groups = numberAttribute(call.node, "group", 1);
  return { value, weights, bias, input, groups };
}

const conv: OperatorRule = (call) => {
  const { node } = call;
  const { value, weights, bias, input, groups } = convolutionOperands(call);
  const kernelShape = weights.shape.slice(2);
  const window = windowOf(node, input, kernelShape);
  const output: Convolution["output"] = [
    weights.shape[0],
    window.output[1],
    window.output[2],
  ];
  const fits = weights.shape[1] * groups === input[0] &&
    Number.isInteger(weights.shape[0] / groups) &&
    (bias === null || bias.data.length === weights.shape[0]);
  if (!fits) {
    throw new UnsupportedNodeError(
      `weights of shape [${weights.shape}] with ${groups} groups do not fit ${
        input[0]
      } channels`,
      "correct the model",
    );
  }
  const map: Convolution = {
    kind: "convolution",
    ...window,
    output,
    groups,
    weights: weights.data,
  };
  const shape = value.shape.length === 3
    ? [1, output[0], output[2]]
    : [1, ...output];
  const result = layerResult(call, value, map, shape);
  return bias ? addPerChannel(result, bias.data) : result;
};

/** Adds one number a channel (axis 1). */
function addPerChannel(value: LinearValue, bias: Float64Array): LinearValue {
  const area = value.bias.length / bias.length;
  return {
    ...value,
    bias: value.bias.map((b, i) => b + bias[Math.floor(i / area)]),
  };
}

const gemm: OperatorRule = (call) => {
  const { node } = call;
  const value = dynamicInput(call, 0);
  const b = constantInput(call, 1)!, c = constantInput(call, 2);
  const alpha = numberAttribute(node, "alpha", 1);
  const beta = numberAttribute(node, "beta", 1);
  const transA = numberAttribute(node, "transA", 0) === 1;
  const rows = value.shape[transA ? 1 : 0];
  if (rows !== 1) {
    throw new UnsupportedNodeError(
      `it multiplies ${rows} rows at once`,
      "flatten the tensor behind the batch axis before it",
    );
  }
  const transB = numberAttribute(node, "transB", 0) !== 0;
  const columns = sizeOf(value.shape);
  const outputLength = b.shape[transB ? 0 : 1];
  const fits = b.shape.length === 2 && value.shape.length === 2 &&
    b.shape[transB ? 1 : 0] === columns &&
    (c === null || c.data.length === 1 || c.data.length === outputLength);
  if (!fits) {
    throw new UnsupportedNodeError(
      `weights of shape [${b.shape}] do not fit a tensor of shape [${value.shape}]`,
      "correct the model",
    );
  }
  const matrix = transposeIf(!transB, b.shape, b.data);
  const outputs = matrix.shape[0];
  const weights = alpha === 1 ? matrix.data : matrix.data.map((w) => alpha * w);
  const result = layerResult(
    call,
    value,
    { kind: "matrix", rows: outputs, columns: matrix.shape[1], weights },
    [1, outputs],
  );
  if (!c) return result;
  return {
    ...result,
    bias: result.bias.map((x, i) => x + beta * c.data[i % c.data.length]),
  };
};

/** Weights as [outputs, inputs]. */
function transposeIf(
  transpose: boolean,
  [rows, columns]: number[],
  data: Float64Array,
): { shape: [number, number]; data: Float64Array } {
  if (!transpose) return { shape: [rows, columns], data };
  const turned = new Float64Array(data.length);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      turned[c * rows + r] = data[r * columns + c];
    }
  }
  return { shape: [columns, rows], data: turned };
}

const matMul: OperatorRule = (call) => {
  if (call.inputs.every((input) => input?.kind !== "constant")) {
    return matrixProducts(call);
  }
  const swapped = call.inputs[0]?.kind === "constant";
  const value = dynamicInput(call, swapped ? 1 : 0);
  const constant = constantInput(call, swapped ? 0 : 1)!;
  const product = (x: Tensor) =>
    swapped ? matrixProduct(constant, x) : matrixProduct(x, constant);
  const { shape } = product(zeros(value.shape));
  const columns = sizeOf(value.shape), rows = sizeOf(shape);
  if (rows * columns > matrixLimit) {
    throw new UnsupportedNodeError(
      `written out for one sample it is a matrix of ${rows} x ${columns}`,
      "work on smaller tensors, or use a 1x1 convolution",
    );
  }
  if (
    !swapped && constant.shape.length === 2 && constant.shape[0] === columns
  ) {
    const { data } = transposeIf(true, constant.shape, constant.data);
    const map = { kind: "matrix" as const, rows, columns, weights: data };
    return layerResult(call, value, map, shape);
  }
  const map = matrixOf(columns, rows, value.shape, product);
  return layerResult(call, value, map, shape);
};

function zeros(shape: number[]): Tensor {
  return { type: "float", shape, data: new Float64Array(sizeOf(shape)) };
}

/** Writes a linear function of a tensor out, column by column. */
export function matrixOf(
  columns: number,
  rows: number,
  shape: number[],
  apply: (x: Tensor) => Tensor,
) {
  const weights = new Float64Array(rows * columns);
  const unit = zeros(shape);
  for (let column = 0; column < columns; column++) {
    unit.data[column] = 1;
    const { data } = apply(unit);
    for (let row = 0; row < rows; row++) {
      weights[row * columns + column] = data[row];
    }
    unit.data[column] = 0;
  }
  return { kind: "matrix" as const, rows, columns, weights };
}

const batchNormalization: OperatorRule = (call) => {
  const value = call.rounds.toLinear(dynamicInput(call, 0));
  const [scale, shift, mean, variance] = [1, 2, 3, 4].map((i) =>
    constantInput(call, i)!.data
  );
  const channels = value.shape[1] ?? 0;
  for (const { length } of [scale, shift, mean, variance]) {
    if (length !== channels || value.shape[0] !== 1) {
      throw new UnsupportedNodeError(
        `${length} channels do not fit a tensor of shape [${value.shape}]`,
        "correct the model",
      );
    }
  }
  const epsilon = numberAttribute(call.node, "epsilon", 1e-5);
  const factors = scale.map((s, c) => s / Math.sqrt(variance[c] + epsilon));
  const offsets = shift.map((b, c) => b - mean[c] * factors[c]);
  const area = value.bias.length / factors.length;
  const spread = Float64Array.from(
    value.bias,
    (_, i) => factors[Math.floor(i / area)],
  );
  return addPerChannel(scaleElements(value, spread), offsets);
};

/** Each element times its factor. */
export function scaleElements(
  value: LinearValue,
  factors: Float64Array,
): LinearValue {
  const grid = gridOf(value.shape) ?? [value.bias.length, 1, 1];
  const terms = value.terms.map(({ reads, map }) => {
    const scaledMap = scaleRows(map, factors, grid);
    if (scaledMap) return { reads, map: scaledMap };
    throw new UnsupportedNodeError(
      `scaling ${value.bias.length} elements one by one needs too large a matrix`,
      "scale by one number, or by one a channel",
    );
  });
  return {
    ...value,
    terms,
    bias: value.bias.map((b, i) => b * factors[i]),
  };
}

export const linearRules: Record<string, OperatorRule> = {
  Conv: conv,
  Gemm: gemm,
  MatMul: matMul,
  BatchNormalization: batchNormalization,
};
