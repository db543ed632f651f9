/**
 * Direct convolution on doubles, used on real numbers and on exact integers.
 *
 * @module
 */
import type { Convolution } from "./ir.ts";

/** Everything about a convolution but its weights. */
export type ConvolutionGeometry = Omit<Convolution, "kind" | "weights">;

/** output += convolution(input), group by group as matrix times patches. */
export function convolve(
  geometry: ConvolutionGeometry & { weights: ArrayLike<number> },
  input: ArrayLike<number>,
  output: Float64Array,
): void {
  const { weights, kernel, groups } = geometry;
  const [outChannels, outHeight, outWidth] = geometry.output;
  const positions = outHeight * outWidth;
  const inPerGroup = geometry.input[0] / groups;
  const outPerGroup = outChannels / groups;
  const taps = inPerGroup * kernel[0] * kernel[1];
  const patches = new Float64Array(taps * positions);
  for (let group = 0; group < groups; group++) {
    const channels = { first: group * inPerGroup, count: inPerGroup };
    gatherPatches(geometry, input, channels, patches);
    for (let o = group * outPerGroup; o < (group + 1) * outPerGroup; o++) {
      const out = output.subarray(o * positions, (o + 1) * positions);
      addRow(weights, o * taps, taps, patches, out);
    }
  }
}

/** patches[(channel, ky, kx), (y, x)] = the input under that kernel element, for some channels. */
export function gatherPatches(
  { input, output, kernel, stride, dilation, pads }: ConvolutionGeometry,
  values: ArrayLike<number>,
  channels: { first: number; count: number },
  patches: Float64Array,
): void {
  const [, inHeight, inWidth] = input, [, outHeight, outWidth] = output;
  const { first, count } = channels;
  let at = 0;
  for (let c = first; c < first + count; c++) {
    for (let ky = 0; ky < kernel[0]; ky++) {
      for (let kx = 0; kx < kernel[1]; kx++) {
        const left = dilation[1] * kx - pads[1];
        for (let oy = 0; oy < outHeight; oy++) {
          const y = stride[0] * oy + dilation[0] * ky - pads[0];
          const row = (c * inHeight + y) * inWidth;
          const inside = y >= 0 && y < inHeight;
          for (let ox = 0, x = left; ox < outWidth; ox++, x += stride[1]) {
            patches[at++] = inside && x >= 0 && x < inWidth
              ? values[row + x]
              : 0;
          }
        }
      }
    }
  }
}

/** out[p] += sum of weights[first + tap] * patches[tap, p]. */
function addRow(
  weights: ArrayLike<number>,
  first: number,
  taps: number,
  patches: Float64Array,
  out: Float64Array,
): void {
  const width = out.length;
  let tap = 0;
  // Four weights a sweep: one load and store of the output for four products.
  for (; tap + 4 <= taps; tap += 4) {
    const w0 = weights[first + tap], w1 = weights[first + tap + 1];
    const w2 = weights[first + tap + 2], w3 = weights[first + tap + 3];
    const a0 = tap * width, a1 = a0 + width, a2 = a1 + width, a3 = a2 + width;
    for (let p = 0; p < width; p++) {
      out[p] += w0 * patches[a0 + p] + w1 * patches[a1 + p] +
        w2 * patches[a2 + p] + w3 * patches[a3 + p];
    }
  }
  for (; tap < taps; tap++) {
    const weight = weights[first + tap], from = tap * width;
    for (let p = 0; p < width; p++) out[p] += weight * patches[from + p];
  }
}

/** input += transposed convolution(output): the map's adjoint. */
export function convolveTransposed(
  geometry: ConvolutionGeometry & { weights: ArrayLike<number> },
  output: ArrayLike<number>,
  input: Float64Array,
): void {
  const { weights, stride: [, strideX] } = geometry;
  forEachTap(geometry, (tap, from, to, count) => {
    const weight = weights[tap];
    for (let i = 0; i < count; i++) {
      input[from + i * strideX] += weight * output[to + i];
    }
  });
}

/** The map's matrix [outputs, inputs], row-major. */
export function convolutionMatrix(
  geometry: ConvolutionGeometry & { weights: ArrayLike<number> },
): Float64Array {
  const { weights, input, output, stride: [, strideX] } = geometry;
  const columns = input[0] * input[1] * input[2];
  const matrix = new Float64Array(output[0] * output[1] * output[2] * columns);
  forEachTap(geometry, (tap, from, to, count) => {
    for (let i = 0; i < count; i++) {
      matrix[(to + i) * columns + from + i * strideX] += weights[tap];
    }
  });
  return matrix;
}

/**
 * Calls `visit` for each weight but zeros and each output row that it touches: `count`
 * outputs from `to`, reading inputs from `from` on in steps of the stride.
 */
function forEachTap(
  geometry: ConvolutionGeometry & { weights: ArrayLike<number> },
  visit: (tap: number, from: number, to: number, count: number) => void,
): void {
  const { input, output, kernel, stride, dilation, pads, groups, weights } =
    geometry;
  const [inChannels, inHeight, inWidth] = input;
  const [outChannels, outHeight, outWidth] = output;
  const inPerGroup = inChannels / groups, outPerGroup = outChannels / groups;
  let tap = 0;
  for (let o = 0; o < outChannels; o++) {
    const firstIn = Math.floor(o / outPerGroup) * inPerGroup;
    for (let i = firstIn; i < firstIn + inPerGroup; i++) {
      for (let ky = 0; ky < kernel[0]; ky++) {
        const shiftY = dilation[0] * ky - pads[0];
        const firstY = Math.max(0, Math.ceil(-shiftY / stride[0]));
        const lastY = Math.min(
          outHeight - 1,
          Math.floor((inHeight - 1 - shiftY) / stride[0]),
        );
        for (let kx = 0; kx < kernel[1]; kx++, tap++) {
          if (weights[tap] === 0) continue;
          const shiftX = dilation[1] * kx - pads[1];
          const firstX = Math.max(0, Math.ceil(-shiftX / stride[1]));
          const lastX = Math.min(
            outWidth - 1,
            Math.floor((inWidth - 1 - shiftX) / stride[1]),
          );
          if (lastX < firstX) continue;
          for (let y = firstY; y <= lastY; y++) {
            visit(
              tap,
              (i * inHeight + stride[0] * y + shiftY) * inWidth +
                stride[1] * firstX + shiftX,
              (o * outHeight + y) * outWidth + firstX,
              lastX - firstX + 1,
            );
          }
        }
      }
    }
  }
}
