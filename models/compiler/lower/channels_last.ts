/**
 * Pictures with their channels last, as TensorFlow's exporters feed them through a
 * Transpose: a convolution reads them as they are.
 *
 * @module
 */
import { type Convolution, gridSize, type Selection } from "../ir.ts";

/**
 * outer(inner(x)) as a convolution, where `inner` moves the channels of a picture
 * from the last place to the first: x is then seen as one channel with rows of
 * width * channels elements, over which kernels as wide step from pixel to pixel.
 *
 * @returns null where `inner` is something else
 */
export function readChannelsLast(
  outer: Convolution,
  inner: Selection,
): Convolution | null {
  const [channels, height, width] = outer.input;
  if (channels === 1 || !movesChannels(inner, outer)) return null;
  const { kernel, stride, dilation: [dilationY, dilationX], pads } = outer;
  const columns = ((kernel[1] - 1) * dilationX + 1) * channels;
  return {
    kind: "convolution",
    input: [1, height, width * channels],
    output: outer.output,
    kernel: [kernel[0], columns],
    stride: [stride[0], stride[1] * channels],
    dilation: [dilationY, 1],
    pads: [pads[0], pads[1] * channels, pads[2], pads[3] * channels],
    groups: 1,
    weights: interleaved(outer, columns),
  };
}

/** Whether x[y, x, channel] becomes [channel, y, x]. */
function movesChannels(
  { index, columns }: Selection,
  { input }: Convolution,
): boolean {
  const [channels, height, width] = input, area = height * width;
  return columns === gridSize(input) && index.length === columns &&
    index.every((from, i) =>
      from === i % area * channels + Math.floor(i / area)
    );
}

/** Weights [out, 1, ky, kx * dilation * channels + channel], zero between. */
function interleaved(
  { input, output, kernel, dilation, groups, weights }: Convolution,
  columns: number,
): Float64Array {
  const perGroup = input[0] / groups, outPerGroup = output[0] / groups;
  const wide = new Float64Array(output[0] * kernel[0] * columns);
  for (let o = 0, at = 0; o < output[0]; o++) {
    const first = Math.floor(o / outPerGroup) * perGroup;
    for (let c = first; c < first + perGroup; c++) {
      for (let ky = 0; ky < kernel[0]; ky++) {
        for (let kx = 0; kx < kernel[1]; kx++) {
          const column = kx * dilation[1] * input[0] + c;
          wide[(o * kernel[0] + ky) * columns + column] = weights[at++];
        }
      }
    }
  }
  return wide;
}
