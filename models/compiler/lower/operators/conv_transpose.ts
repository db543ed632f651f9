/**
 * ConvTranspose by phases: places of the output that are a stride apart see the same
 * weights, so that a convolution of stride 1 gives each phase as separate channels,
 * which then go to their places.
 *
 * @module
 */
import type { Convolution, Grid } from "../../ir.ts";
import {
  numbersAttribute,
  type OnnxNode,
  stringAttribute,
} from "../../onnx/graph.ts";
import { maxElements } from "../../onnx/tensor.ts";
import { layerResult, type OperatorRule, reshaped } from "../operator_call.ts";
import { UnsupportedNodeError } from "../unsupported.ts";
import { convolutionOperands } from "./linear.ts";
import type { LinearValue } from "../values.ts";
import { orderAxes } from "./permutations.ts";
import { applySlice } from "./slices.ts";

/** Longest window, stride or side. */
const maxLength = 2 ** 16;

/** One axis: of `output` places, those of phase f see weights[taps[f][i]] at offset i. */
interface Axis {
  stride: number;
  output: number;
  /** Offset of the first place that any phase sees. */
  first: number;
  /** For each phase, of each offset from `first` on the place in the kernel; -1: none. */
  taps: number[][];
}

interface Geometry {
  length: number;
  kernel: number;
  stride: number;
  dilation: number;
  before: number;
  output: number;
}

function axisOf(
  { kernel, stride, dilation, before, output }: Geometry,
): Axis {
  const offsets = Array.from(
    { length: stride },
    (_, phase) =>
      Array.from({ length: kernel }, (_, k) => ({
        k,
        offset: (phase + before - k * dilation) / stride,
      })).filter(({ offset }) => Number.isInteger(offset)),
  );
  const all = offsets.flat().map(({ offset }) => offset);
  const first = Math.min(...all), count = Math.max(...all) - first + 1;
  const taps = offsets.map((phase) => {
    const places = Array<number>(count).fill(-1);
    for (const { k, offset } of phase) places[offset - first] = k;
    return places;
  });
  return { stride, output, first, taps };
}

/** Lengths, pads and strides along the two axes of space. */
function geometryOf(
  node: OnnxNode,
  input: Grid,
  kernel: readonly number[],
): [Geometry, Geometry] {
  const axes = kernel.length;
  const list = (name: string, absent: number) =>
    numbersAttribute(node, name) ?? Array<number>(axes).fill(absent);
  const strides = list("strides", 1), dilations = list("dilations", 1);
  const extra = list("output_padding", 0);
  const pads = numbersAttribute(node, "pads") ?? Array(2 * axes).fill(0);
  const wanted = numbersAttribute(node, "output_shape")?.slice(-axes);
  const automatic = stringAttribute(node, "auto_pad", "NOTSET");
  const geometries = kernel.map((length, axis): Geometry => {
    const along = input[input.length - axes + axis];
    const full = strides[axis] * (along - 1) + extra[axis] +
      (length - 1) * dilations[axis] + 1;
    const isSame = automatic.startsWith("SAME");
    const target = wanted?.[axis] ?? (isSame ? along * strides[axis] : null);
    const total = target === null ? null : full - target;
    const half = Math.floor((total ?? 0) / 2);
    const before = total === null
      ? automatic === "VALID" ? 0 : pads[axis]
      : automatic === "SAME_UPPER"
      ? half
      : total - half;
    const after = automatic === "VALID" ? 0 : pads[axis + axes];
    return {
      length: along,
      kernel: length,
      stride: strides[axis],
      dilation: dilations[axis],
      before,
      output: target ?? full - before - after,
    };
  });
  const isSound = pads.length === 2 * axes &&
    geometries.every(({ output, kernel, stride, dilation, before }) =>
      [output, kernel, stride, dilation].every((n) =>
        Number.isInteger(n) && n >= 1 && n <= maxLength
      ) && Number.isInteger(before)
    );
  if (!isSound) {
    throw new UnsupportedNodeError(
      `its window of ${kernel} by ${strides} with pads ${pads} is none`,
      "correct the model",
    );
  }
  const one: Geometry = {
    length: 1,
    kernel: 1,
    stride: 1,
    dilation: 1,
    before: 0,
    output: 1,
  };
  return axes === 1 ? [one, geometries[0]] : [geometries[0], geometries[1]];
}

const convTranspose: OperatorRule = (call) => {
  const { node } = call;
  const { value, weights, bias, input, groups } = convolutionOperands(call);
  const [channels, perGroup, ...kernel] = weights.shape;
  const outputs = perGroup * groups;
  const fits = channels === input[0] && Number.isInteger(channels / groups) &&
    (bias === null || bias.data.length === outputs);
  if (!fits) {
    throw new UnsupportedNodeError(
      `weights of shape [${weights.shape}] with ${groups} groups do not fit ${
        input[0]
      } channels`,
      "correct the model",
    );
  }
  const [rows, columns] = geometryOf(node, input, kernel).map(axisOf);
  const map = phases(input, { groups, perGroup }, weights.data, [
    rows,
    columns,
  ]);
  const { output } = map, [, height, width] = output;
  const phased = layerResult(call, value, map, [1, ...output]);
  const result = bias ? withBias(phased, bias.data) : phased;
  const whole: Grid = [outputs, height * rows.stride, width * columns.stride];
  const signal = value.shape.length === 3;
  const shapeOf = ([c, h, w]: readonly number[]) =>
    signal ? [1, c, w] : [1, c, h, w];
  const seen = [outputs, rows.stride, columns.stride, height, width];
  const placed = orderAxes(
    call,
    reshaped(result, seen) as LinearValue,
    [0, 3, 1, 4, 2],
    shapeOf(whole),
  );
  if (whole[1] === rows.output && whole[2] === columns.output) return placed;
  const shape = shapeOf([outputs, rows.output, columns.output]);
  return applySlice(call, placed, {
    starts: shape.map(() => 0),
    steps: shape.map(() => 1),
    shape,
  });
};

/** The convolution that gives every phase of every output channel. */
function phases(
  input: Grid,
  { groups, perGroup }: { groups: number; perGroup: number },
  weights: Float64Array,
  axes: [rows: Axis, columns: Axis],
): Convolution {
  const [rows, columns] = axes;
  const kernel = axes.map(({ taps: [taps] }) => taps.length) as [
    number,
    number,
  ];
  const extents = axes.map(({ output, stride }) => Math.ceil(output / stride));
  const output: Grid = [
    perGroup * groups * rows.stride * columns.stride,
    extents[0],
    extents[1],
  ];
  const inPerGroup = input[0] / groups;
  if (output[0] * inPerGroup * kernel[0] * kernel[1] > maxElements) {
    throw new UnsupportedNodeError(
      `its phases take more than ${maxElements} weights`,
      "use smaller strides or fewer channels",
    );
  }
  const spans = axes.map(({ taps }) => Math.max(...taps.flat()) + 1);
  const all: number[] = [];
  for (let o = 0; o < perGroup * groups; o++) {
    const first = Math.floor(o / perGroup) * inPerGroup;
    for (const rowTaps of rows.taps) {
      for (const columnTaps of columns.taps) {
        for (let c = first; c < first + inPerGroup; c++) {
          const base = (c * perGroup + o % perGroup) * spans[0];
          for (const ky of rowTaps) {
            for (const kx of columnTaps) {
              const at = (base + ky) * spans[1] + kx;
              all.push(ky < 0 || kx < 0 ? 0 : weights[at]);
            }
          }
        }
      }
    }
  }
  const before = axes.map(({ first }) => 0 - first);
  const after = axes.map(({ first }, axis) =>
    extents[axis] - 1 + first + kernel[axis] - input[axis + 1]
  );
  return {
    kind: "convolution",
    input,
    output,
    kernel,
    stride: [1, 1],
    dilation: [1, 1],
    pads: [before[0], before[1], after[0], after[1]],
    groups,
    weights: Float64Array.from(all),
  };
}

/** Adds one number an output channel to all of its phases. */
function withBias(value: LinearValue, bias: Float64Array): LinearValue {
  const perChannel = value.bias.length / bias.length;
  return {
    ...value,
    bias: value.bias.map((b, i) => b + bias[Math.floor(i / perChannel)]),
  };
}

export const convTransposeRules: Record<string, OperatorRule> = {
  ConvTranspose: convTranspose,
};
