/** Direct convolution on doubles, used on real numbers and on exact integers. */
import type { Convolution } from "./ir.ts";

/** Everything about a convolution but its weights. */
export type ConvolutionGeometry = Omit<Convolution, "kind" | "weights">;

/** output += convolution(input). */
export function convolve(
  geometry: ConvolutionGeometry & { weights: ArrayLike<number> },
  input: ArrayLike<number>,
  output: Float64Array,
): void {
  const { weights, stride: [, strideX] } = geometry;
  forEachTap(geometry, (tap, from, to, count) => {
    const weight = weights[tap];
    if (weight === 0) return;
    if (strideX === 1) {
      for (let i = 0; i < count; i++) {
        output[to + i] += weight * input[from + i];
      }
    } else {
      for (let i = 0; i < count; i++) {
        output[to + i] += weight * input[from + i * strideX];
      }
    }
  });
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
    if (weight === 0) return;
    for (let i = 0; i < count; i++) {
      input[from + i * strideX] += weight * output[to + i];
    }
  });
}

/**
 * Calls `visit` for each weight and each output row that it touches: `count`
 * outputs from `to`, reading inputs from `from` on in steps of the stride.
 */
function forEachTap(
  geometry: ConvolutionGeometry,
  visit: (tap: number, from: number, to: number, count: number) => void,
): void {
  const { input, output, kernel, stride, dilation, pads, groups } = geometry;
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
