/**
 * Softmax and norms, by their definitions.
 *
 * @module
 */
import type { OnnxNode } from "../onnx/graph.ts";
import type { Tensor } from "../onnx/tensor.ts";
import { listAttribute, number } from "./attributes.ts";
import { axisOf, eachPlace, offsetOf, size, tensor } from "./tensors.ts";

type Rule = (
  node: OnnxNode,
  inputs: (Tensor | null)[],
  opset: number,
) => Tensor;

/** Groups of elements that are normalised together, each by its places. */
function groupsAlong(shape: number[], axes: readonly number[]): number[][] {
  const groups = new Map<number, number[]>();
  eachPlace(shape, (place, i) => {
    const first = offsetOf(
      shape,
      place.map((at, axis) => axes.includes(axis) ? 0 : at),
    );
    const group = groups.get(first);
    if (group) group.push(i);
    else groups.set(first, [i]);
  });
  return [...groups.values()];
}

/** Each group of elements replaced by what becomes of it. */
function inGroups(
  x: Tensor,
  axes: readonly number[],
  change: (values: number[]) => number[],
): Tensor {
  const data = new Float64Array(x.data.length);
  for (const places of groupsAlong(x.shape, axes)) {
    change(places.map((at) => x.data[at]))
      .forEach((value, i) => data[places[i]] = value);
  }
  return tensor(x.shape, data);
}

const sumOf = (values: number[]) => values.reduce((a, b) => a + b, 0);
const meanOf = (values: number[]) => sumOf(values) / values.length;

/** Mean 0 and variance 1. */
function standardised(epsilon: number): (values: number[]) => number[] {
  return (values) => {
    const mean = meanOf(values);
    const variance = meanOf(values.map((v) => (v - mean) ** 2));
    return values.map((v) => (v - mean) / Math.sqrt(variance + epsilon));
  };
}

function softmaxOf(values: number[]): number[] {
  const largest = Math.max(...values);
  const powers = values.map((v) => Math.exp(v - largest));
  const total = sumOf(powers);
  return powers.map((power) => power / total);
}

const from = (shape: number[], axis: number): number[] =>
  shape.map((_, i) => i).slice(axisOf(axis, shape.length));

/** Each element by the last axes' scale and shift. */
function stretchedOver(x: Tensor, scale: Tensor, shift: Tensor | null): Tensor {
  const period = scale.data.length;
  return tensor(
    x.shape,
    x.data.map((v, i) =>
      v * scale.data[i % period] + (shift ? shift.data[i % period] : 0)
    ),
  );
}

/** Each element by its channel's scale and shift, or its group's. */
function byChannel(x: Tensor, scale: Tensor, shift: Tensor): Tensor {
  const [, channels, ...rest] = x.shape, area = size(rest);
  const perScale = channels / scale.data.length;
  return tensor(
    x.shape,
    x.data.map((v, i) => {
      const at = Math.floor((Math.floor(i / area) % channels) / perScale);
      return v * scale.data[at] + shift.data[at];
    }),
  );
}

const layerNormalization: Rule = (node, [x, scale, shift]) => {
  const axes = from(x!.shape, number(node, "axis", -1));
  const change = standardised(number(node, "epsilon", 1e-5));
  return stretchedOver(inGroups(x!, axes, change), scale!, shift ?? null);
};

const rmsNormalization: Rule = (node, [x, scale]) => {
  const axes = from(x!.shape, number(node, "axis", -1));
  const epsilon = number(node, "epsilon", 1e-5);
  const scaled = inGroups(x!, axes, (values) => {
    const root = Math.sqrt(meanOf(values.map((v) => v * v)) + epsilon);
    return values.map((v) => v / root);
  });
  return stretchedOver(scaled, scale!, null);
};

function grouped(
  node: OnnxNode,
  [x, scale, shift]: (Tensor | null)[],
  groups: number,
): Tensor {
  const [batch, channels, ...rest] = x!.shape;
  const seen = [batch, groups, channels / groups * size(rest)];
  const change = standardised(number(node, "epsilon", 1e-5));
  const { data } = inGroups({ ...x!, shape: seen }, [2], change);
  return byChannel(tensor(x!.shape, data), scale!, shift!);
}

const lrn: Rule = (node, [x]) => {
  const [, channels, ...rest] = x!.shape, area = size(rest);
  const span = number(node, "size", 1);
  const alpha = number(node, "alpha", 1e-4), beta = number(node, "beta", .75);
  const bias = number(node, "bias", 1);
  return tensor(
    x!.shape,
    x!.data.map((value, i) => {
      const channel = Math.floor(i / area) % channels;
      const first = Math.max(0, channel - Math.floor((span - 1) / 2));
      const last = Math.min(channels - 1, channel + Math.ceil((span - 1) / 2));
      let squares = 0;
      for (let c = first; c <= last; c++) {
        squares += x!.data[i + (c - channel) * area] ** 2;
      }
      return value / (bias + alpha / span * squares) ** beta;
    }),
  );
};

export const normOperators: Readonly<Record<string, Rule>> = {
  Softmax: (node, [x], opset) => {
    const given = number(node, "axis", opset < 13 ? 1 : -1);
    // Before opset 13 all axes from this one on were one.
    const axes = opset < 13
      ? from(x!.shape, given)
      : [axisOf(given, x!.shape.length)];
    return inGroups(x!, axes, softmaxOf);
  },
  LayerNormalization: layerNormalization,
  RMSNormalization: rmsNormalization,
  InstanceNormalization: (node, inputs) =>
    grouped(node, inputs, inputs[0]!.shape[1]),
  GroupNormalization: (node, inputs) =>
    grouped(node, inputs, number(node, "num_groups", 1)),
  MeanVarianceNormalization: (node, [x]) =>
    inGroups(
      x!,
      (listAttribute(node, "axes") ?? [0, 2, 3])
        .map((axis) => axisOf(axis, x!.shape.length)),
      standardised(1e-9),
    ),
  LpNormalization: (node, [x]) => {
    const axis = axisOf(number(node, "axis", -1), x!.shape.length);
    return inGroups(x!, [axis], (values) => {
      const norm = Math.sqrt(sumOf(values.map((v) => v * v)));
      // Where all are 0, they stay so, as onnxruntime has it.
      return values.map((v) => norm === 0 ? 0 : v / norm);
    });
  },
  LRN: lrn,
};
