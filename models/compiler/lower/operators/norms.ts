/**
 * Softmax, norms and reductions, which the gateway takes along any axes.
 *
 * @module
 */
import type { GatewayOperation } from "../../ir.ts";
import {
  numberAttribute,
  numbersAttribute,
  type OnnxNode,
} from "../../onnx/graph.ts";
import { broadcastIndex, sizeOf, type Tensor } from "../../onnx/tensor.ts";
import {
  constantInput,
  constants,
  dynamicInput,
  type DynamicValue,
  gatewayResult,
  type OperatorCall,
  type OperatorRule,
} from "../operator_call.ts";
import { normaliseAxis, reductionAxes } from "../shapes.ts";
import { UnsupportedNodeError } from "../unsupported.ts";
import { gridOf } from "../values.ts";
import { scaleElements } from "./linear.ts";
import { reduceMean } from "./reductions.ts";

/** A further operation on what a node has come to so far. */
function goOn(
  call: OperatorCall,
  value: DynamicValue,
  operation: GatewayOperation,
  shape: number[] = value.shape,
): DynamicValue {
  return gatewayResult(call, operation, shape, { value, sole: true });
}

const softmax: OperatorRule = (call) => {
  const { shape } = dynamicInput(call, 0);
  const given = numberAttribute(call.node, "axis", call.opset < 13 ? 1 : -1);
  const axis = normaliseAxis(given, shape.length);
  // Before opset 13 it took all axes from its own on together.
  const axes = call.opset < 13 ? axesFrom(shape, axis) : [axis];
  return gatewayResult(call, { op: "softmax", shape, axes }, shape);
};

function axesFrom(shape: readonly number[], first: number): number[] {
  return shape.map((_, axis) => axis).slice(first);
}

/** Normalises along axes, then scales and shifts. */
function normalised(
  call: OperatorCall,
  { centred, axes, epsilon, shape }: {
    centred: boolean;
    axes: number[];
    epsilon: number;
    /** In which the axes are. */
    shape: number[];
  },
): DynamicValue {
  const value = dynamicInput(call, 0);
  const operation = { op: "normalise" as const, centred, epsilon, shape, axes };
  return gatewayResult(call, operation, value.shape);
}

/** value * scale + shift, each stretched to the value, as far as there are any. */
function affine(
  call: OperatorCall,
  value: DynamicValue,
  scale: Tensor | null,
  shift: Tensor | null,
): DynamicValue {
  const spread = (tensor: Tensor | null, absent: number) => {
    if (!tensor) return new Float64Array(sizeOf(value.shape)).fill(absent);
    const index = broadcastIndex(tensor.shape, value.shape);
    return Float64Array.from(index, (at) => tensor.data[at]);
  };
  const factors = spread(scale, 1), addends = spread(shift, 0);
  if (factors.every((f) => f === 1) && addends.every((a) => a === 0)) {
    return value;
  }
  const scaled = scaleElements(call.rounds.toLinear(value), factors);
  return { ...scaled, bias: scaled.bias.map((b, i) => b + addends[i]) };
}

const layerNormalization: OperatorRule = (call) => {
  const { shape } = dynamicInput(call, 0);
  const axis = normaliseAxis(
    numberAttribute(call.node, "axis", -1),
    shape.length,
  );
  const value = normalised(call, {
    centred: call.node.operator !== "RMSNormalization",
    axes: axesFrom(shape, axis),
    epsilon: numberAttribute(call.node, "epsilon", 1e-5),
    shape,
  });
  return affine(call, value, constantInput(call, 1), constantInput(call, 2));
};

/** One number a channel, or a group of channels, beside a tensor of so many axes. */
function byChannel(tensor: Tensor, [, channels, ...rest]: number[]): Tensor {
  const count = tensor.data.length;
  if (channels % count !== 0) {
    throw new UnsupportedNodeError(
      `${count} scales do not fit ${channels} channels`,
      "correct the model",
    );
  }
  return {
    ...tensor,
    shape: [1, channels, ...rest.map(() => 1)],
    data: Float64Array.from(
      { length: channels },
      (_, c) => tensor.data[Math.floor(c * count / channels)],
    ),
  };
}

const instanceNormalization: OperatorRule = (call) =>
  groupNormalised(call, dynamicInput(call, 0).shape[1]);

const groupNormalization: OperatorRule = (call) =>
  groupNormalised(call, numberAttribute(call.node, "num_groups", 0));

function groupNormalised(call: OperatorCall, groups: number): DynamicValue {
  const { shape } = dynamicInput(call, 0);
  const [batch, channels, ...rest] = shape;
  if (batch !== 1 || !(groups >= 1) || channels % groups !== 0) {
    throw new UnsupportedNodeError(
      `${groups} groups do not fit a tensor of shape [${shape}]`,
      "correct the model",
    );
  }
  const value = normalised(call, {
    centred: true,
    axes: [1],
    epsilon: numberAttribute(call.node, "epsilon", 1e-5),
    shape: [groups, channels / groups * sizeOf(rest)],
  });
  return affine(
    call,
    value,
    byChannel(constantInput(call, 1)!, shape),
    byChannel(constantInput(call, 2)!, shape),
  );
}

const meanVarianceNormalization: OperatorRule = (call) => {
  const { shape } = dynamicInput(call, 0);
  const axes = (numbersAttribute(call.node, "axes") ?? [0, 2, 3])
    .map((axis) => normaliseAxis(axis, shape.length));
  return normalised(call, { centred: true, axes, epsilon: 1e-9, shape });
};

/** x over the root of the sum of squares: the mean's, by the root of their count. */
const lpNormalization: OperatorRule = (call) => {
  const { shape } = dynamicInput(call, 0);
  const power = numberAttribute(call.node, "p", 2);
  if (power !== 2) {
    throw new UnsupportedNodeError(
      `its norm of power ${power} is not known`,
      "use the norm of power 2",
    );
  }
  const axis = normaliseAxis(
    numberAttribute(call.node, "axis", -1),
    shape.length,
  );
  const value = call.rounds.toLinear(
    normalised(call, { centred: false, axes: [axis], epsilon: 0, shape }),
  );
  const factor = 1 / Math.sqrt(shape[axis]);
  return scaleElements(
    value,
    new Float64Array(value.bias.length).fill(factor),
  );
};

/** x * (bias + alpha * mean of the squares of channels around)^-beta. */
const lrn: OperatorRule = (call) => {
  const { node } = call, { shape } = dynamicInput(call, 0);
  const grid = gridOf(shape), size = numberAttribute(node, "size", 1);
  if (!grid) {
    throw new UnsupportedNodeError(
      `it works on a tensor of shape [${shape}]`,
      "use it behind 1-D or 2-D convolutions",
    );
  }
  const [alpha, beta, bias] = [
    numberAttribute(node, "alpha", 1e-4),
    numberAttribute(node, "beta", .75),
    numberAttribute(node, "bias", 1),
  ];
  const name = call.rounds.newName();
  const before = Math.floor((size - 1) / 2), after = size - 1 - before;
  const seen: [number, number, number] = [1, grid[0], grid[1] * grid[2]];
  const pads: [number, number, number, number] = [before, 0, after, 0];
  const steps: GatewayOperation[] = [
    { op: "function", name: "Square", apply: (x) => x * x },
    {
      op: "averagePool",
      window: {
        input: seen,
        output: seen,
        kernel: [size, 1],
        stride: [1, 1],
        dilation: [1, 1],
        pads,
      },
      counted: pads,
    },
    {
      op: "function",
      name: "LRN",
      apply: (mean) => (bias + alpha * mean) ** -beta,
    },
    { op: "combine", by: "product", with: name, shape, withShape: shape },
  ];
  const kept = gatewayResult(call, { op: "keep", as: name }, shape);
  return steps.reduce<DynamicValue>(
    (value, step) => goOn(call, value, step),
    kept,
  );
};

/** The greatest or the least along axes. */
const reduceExtremum: OperatorRule = (call) => {
  const value = dynamicInput(call, 0), { node } = call;
  const { axes, shape } = reductionAxes(
    node,
    value.shape,
    constants(call)[1] ?? null,
  );
  const by = node.operator === "ReduceMax" ? "max" : "min";
  const operation = { op: "reduce" as const, by, shape: value.shape, axes };
  return gatewayResult(call, operation as GatewayOperation, shape);
};

/** A sum of functions of the elements, and a function of the sum. */
const reduceFunctions: Record<
  string,
  { inner: (x: number) => number; outer?: (x: number) => number }
> = {
  ReduceSumSquare: { inner: (x) => x * x },
  ReduceL1: { inner: Math.abs },
  ReduceL2: { inner: (x) => x * x, outer: Math.sqrt },
};

const reduceFunction: OperatorRule = (call) => {
  const { node } = call, { inner, outer } = reduceFunctions[node.operator];
  const { shape } = dynamicInput(call, 0);
  const values = gatewayResult(
    call,
    { op: "function", name: node.operator, apply: inner },
    shape,
  );
  const sum = reduceMean(summing(call, values)) as DynamicValue;
  return outer
    ? goOn(call, sum, { op: "function", name: node.operator, apply: outer })
    : sum;
};

/** The call of a ReduceSum along the same axes. */
function summing(call: OperatorCall, value: DynamicValue): OperatorCall {
  const node: OnnxNode = { ...call.node, operator: "ReduceSum" };
  return { ...call, node, inputs: [value, ...call.inputs.slice(1)] };
}

export const normRules: Record<string, OperatorRule> = {
  Softmax: softmax,
  LayerNormalization: layerNormalization,
  RMSNormalization: layerNormalization,
  InstanceNormalization: instanceNormalization,
  GroupNormalization: groupNormalization,
  MeanVarianceNormalization: meanVarianceNormalization,
  LpNormalization: lpNormalization,
  LRN: lrn,
  ReduceMax: reduceExtremum,
  ReduceMin: reduceExtremum,
  ReduceSumSquare: reduceFunction,
  ReduceL1: reduceFunction,
  ReduceL2: reduceFunction,
};
