/**
 * Picking elements: by an index, or as a 1x1 convolution over channels.
 *
 * @module
 */
import type { Convolution, Grid, Selection } from "../../ir.ts";
import { sizeOf } from "../../onnx/tensor.ts";

export function selection(shape: number[], index: Int32Array): Selection {
  return { kind: "selection", columns: sizeOf(shape), index };
}

/**
 * Picking channels and a regular part of space, as a 1x1 convolution: so that it
 * can join the convolutions around it.
 *
 * @param pick channel of the source for a channel of the result (outside: zeros),
 * first row and column (may be negative), and steps
 */
export function channelSelection(
  from: Grid,
  to: Grid,
  pick: {
    channel: (c: number) => number;
    origin: [number, number];
    stride: [number, number];
  },
): Convolution {
  const weights = new Float64Array(to[0] * from[0]);
  for (let c = 0; c < to[0]; c++) {
    const source = pick.channel(c);
    if (source >= 0 && source < from[0]) weights[c * from[0] + source] = 1;
  }
  const depthwise = from[0] === to[0] &&
    weights.every((w, i) => w === (i % (from[0] + 1) === 0 ? 1 : 0));
  const behind = (axis: 0 | 1) => {
    const min = (to[axis + 1] - 1) * pick.stride[axis] + 1 -
      from[axis + 1] + pick.origin[axis];
    return Math.max(min, Math.min(0, min + pick.stride[axis] - 1));
  };
  return {
    kind: "convolution",
    input: from,
    output: to,
    kernel: [1, 1],
    stride: pick.stride,
    dilation: [1, 1],
    // 0 - x: no negative zero.
    pads: [0 - pick.origin[0], 0 - pick.origin[1], behind(0), behind(1)],
    groups: depthwise ? from[0] : 1,
    weights: depthwise ? new Float64Array(from[0]).fill(1) : weights,
  };
}
