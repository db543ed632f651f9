/**
 * Sliding windows: strides, pads, dilations, auto_pad and ceil_mode of ONNX.
 *
 * @module
 */
import type { Grid, Window } from "../ir.ts";
import {
  numberAttribute,
  numbersAttribute,
  type OnnxNode,
  stringAttribute,
} from "../onnx/graph.ts";
import { maxElements } from "../onnx/tensor.ts";
import { UnsupportedNodeError } from "./unsupported.ts";

/**
 * The window of a Conv or pooling node over `input`; output channels as input's.
 *
 * @param kernelShape one or two lengths
 */
export function windowOf(
  node: OnnxNode,
  input: Grid,
  kernelShape: number[],
): Window {
  const axes = kernelShape.length;
  const signal = axes === 1;
  const pair = (list: number[] | null): [number, number] =>
    signal ? [1, list?.[0] ?? 1] : [list?.[0] ?? 1, list?.[1] ?? 1];
  const kernel = pair(kernelShape);
  const stride = pair(numbersAttribute(node, "strides"));
  const dilation = pair(numbersAttribute(node, "dilations"));
  const given = numbersAttribute(node, "pads") ??
    kernelShape.flatMap(() => [0, 0]);
  const whole = (list: number[], min: number) =>
    list.every((length) => Number.isInteger(length) && length >= min);
  if (
    axes < 1 || axes > 2 || given.length !== 2 * axes || !whole(given, 0) ||
    !whole([...kernel, ...stride, ...dilation], 1)
  ) {
    throw new UnsupportedNodeError(
      `its window of ${kernelShape} by ${stride} with pads ${given} is none`,
      "correct the model",
    );
  }
  const pads: Window["pads"] = signal
    ? [0, given[0], 0, given[1]]
    : [given[0], given[1], given[2], given[3]];
  const automatic = stringAttribute(node, "auto_pad", "NOTSET");
  const ceil = numberAttribute(node, "ceil_mode", 0) === 1;

  const lengths = ([0, 1] as const).map((axis) => {
    const length = input[axis + 1];
    const reach = dilation[axis] * (kernel[axis] - 1) + 1;
    if (automatic === "SAME_UPPER" || automatic === "SAME_LOWER") {
      const outputs = Math.ceil(length / stride[axis]);
      const total = Math.max(0, (outputs - 1) * stride[axis] + reach - length);
      const small = Math.floor(total / 2);
      const before = automatic === "SAME_UPPER" ? small : total - small;
      pads[axis] = before;
      pads[axis + 2] = total - before;
      return outputs;
    }
    if (automatic === "VALID") pads[axis] = pads[axis + 2] = 0;
    const room = length + pads[axis] + pads[axis + 2] - reach;
    let outputs = (ceil ? Math.ceil : Math.floor)(room / stride[axis]) + 1;
    // A window that would begin in the padding behind the image is dropped.
    if (ceil && (outputs - 1) * stride[axis] >= length + pads[axis]) outputs--;
    return outputs;
  });
  if (lengths.some((length) => length < 1)) {
    throw new UnsupportedNodeError(
      `its window of ${kernel} does not fit an image of ${input[1]} x ${
        input[2]
      }`,
      "correct the model",
    );
  }
  const steps = lengths.map((length, axis) => length * kernel[axis]);
  if (steps[0] * steps[1] > maxElements) {
    throw new UnsupportedNodeError(
      `its window of ${kernel} at ${lengths[0]} x ${
        lengths[1]
      } places sees more than ${maxElements} elements`,
      "use smaller windows or readings",
    );
  }
  return {
    input,
    output: [input[0], lengths[0], lengths[1]],
    kernel,
    stride,
    dilation,
    pads,
  };
}

/**
 * The window's pads, those behind the image changed so that floor division gives
 * its outputs (ceil_mode rounds up, or drops a window).
 */
export function exactPads(
  { input, output, kernel, stride, dilation, pads }: Window,
): Window["pads"] {
  const behind = (axis: 0 | 1) => {
    const reach = dilation[axis] * (kernel[axis] - 1) + 1;
    const min = (output[axis + 1] - 1) * stride[axis] + reach -
      input[axis + 1] - pads[axis];
    return Math.max(min, Math.min(pads[axis + 2], min + stride[axis] - 1));
  };
  return [pads[0], pads[1], behind(0), behind(1)];
}

/** For each window position, the cells of it inside the grid extended by `counted`. */
export function countedCells(
  { input, output, kernel, stride, dilation, pads }: Window,
  counted: Window["pads"],
): Float64Array {
  const along = (axis: 0 | 1) =>
    Array.from({ length: output[axis + 1] }, (_, o) => {
      let count = 0;
      for (let k = 0; k < kernel[axis]; k++) {
        const at = stride[axis] * o + dilation[axis] * k - pads[axis];
        if (at >= -counted[axis] && at < input[axis + 1] + counted[axis + 2]) {
          count++;
        }
      }
      return count;
    });
  const columns = along(1);
  return Float64Array.from(
    along(0).flatMap((rows) => columns.map((count) => rows * count)),
  );
}
