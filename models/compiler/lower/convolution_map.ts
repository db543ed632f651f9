/**
 * Composes two convolutions into one, where that is exact.
 *
 * @module
 */
import { gcd } from "../../../sdk/support/numbers.ts";
import type { Convolution } from "../ir.ts";

/**
 * outer(inner(x)) as one convolution, or null where none is exact: zero padding
 * of the outer one must meet only outputs of the inner one that are zero anyway
 * (its window wholly outside of the image).
 */
export function composeConvolutions(
  outer: Convolution,
  inner: Convolution,
): Convolution | null {
  if (outer.input.some((length, axis) => length !== inner.output[axis])) {
    return null;
  }
  if (!paddingMeetsZeros(outer, inner, 0)) return null;
  if (!paddingMeetsZeros(outer, inner, 1)) return null;
  const y = composeAxis(outer, inner, 0), x = composeAxis(outer, inner, 1);
  const groups = composeGroups(outer, inner);
  const kernel: [number, number] = [y.kernel, x.kernel];
  const area = kernel[0] * kernel[1];
  const outChannels = outer.output[0], inChannels = inner.input[0];
  const outPerGroup = outChannels / groups, inPerGroup = inChannels / groups;
  const weights = new Float64Array(outChannels * inPerGroup * area);

  const passed = inner.input[0] / inner.groups;
  const innerArea = inner.kernel[0] * inner.kernel[1];
  const perOutput = passed * innerArea;
  forEachTap(outer, (weight, out, through, ky, kx) => {
    const first = Math.floor(out / outPerGroup) * inPerGroup;
    const group = Math.floor(through / (inner.output[0] / inner.groups));
    // The inner channel's rows lie one after another; so do those of the result.
    const shift = out * inPerGroup + group * passed - first;
    const top = inner.stride[0] * outer.dilation[0] * ky / y.dilation;
    const left = inner.stride[1] * outer.dilation[1] * kx / x.dilation;
    for (let i = 0, at = through * perOutput; i < perOutput; i++, at++) {
      const factor = inner.weights[at];
      if (factor === 0) continue;
      const column = i % inner.kernel[1];
      const row = Math.floor(i / inner.kernel[1]) % inner.kernel[0];
      const channel = shift + Math.floor(i / innerArea);
      weights[
        (channel * kernel[0] + top + inner.dilation[0] * row / y.dilation) *
          kernel[1] + left + inner.dilation[1] * column / x.dilation
      ] += weight * factor;
    }
  });
  return {
    kind: "convolution",
    input: inner.input,
    output: outer.output,
    kernel,
    stride: [y.stride, x.stride],
    dilation: [y.dilation, x.dilation],
    pads: [y.before, x.before, y.after, x.after],
    groups,
    weights,
  };
}

function paddingMeetsZeros(
  outer: Convolution,
  inner: Convolution,
  axis: 0 | 1,
): boolean {
  const length = inner.output[axis + 1], imageLength = inner.input[axis + 1];
  for (let o = 0; o < outer.output[axis + 1]; o++) {
    for (let k = 0; k < outer.kernel[axis]; k++) {
      const at = outer.stride[axis] * o + outer.dilation[axis] * k -
        outer.pads[axis];
      if (at >= 0 && at < length) continue;
      for (let b = 0; b < inner.kernel[axis]; b++) {
        const from = inner.stride[axis] * at + inner.dilation[axis] * b -
          inner.pads[axis];
        if (from >= 0 && from < imageLength) return false;
      }
    }
  }
  return true;
}

/** Geometry of the composition along one axis. */
function composeAxis(outer: Convolution, inner: Convolution, axis: 0 | 1) {
  const outerStep = inner.stride[axis] * outer.dilation[axis];
  const innerStep = inner.dilation[axis];
  const outerReach = outerStep * (outer.kernel[axis] - 1);
  const innerReach = innerStep * (inner.kernel[axis] - 1);
  const dilation = gcd(
    outerReach === 0 ? 0 : outerStep,
    innerReach === 0 ? 0 : innerStep,
  ) || 1;
  const reach = outerReach + innerReach;
  const stride = inner.stride[axis] * outer.stride[axis];
  const before = inner.stride[axis] * outer.pads[axis] + inner.pads[axis];
  const min = (outer.output[axis + 1] - 1) * stride + reach + 1 -
    inner.input[axis + 1] - before;
  // Up to a stride more gives the same outputs: zero where that is enough.
  const after = Math.max(min, Math.min(0, min + stride - 1));
  return { kernel: reach / dilation + 1, stride, dilation, before, after };
}

/** Groups survive where one map is depthwise with multiplier 1 or both have the same. */
function composeGroups(outer: Convolution, inner: Convolution): number {
  const plain = (map: Convolution) =>
    map.groups === map.input[0] && map.groups === map.output[0];
  if (plain(outer)) return inner.groups;
  if (plain(inner) || outer.groups === inner.groups) return outer.groups;
  return 1;
}

/** Visits the weights that are not zero, with output channel, input channel, row and column. */
function forEachTap(
  { input, output, kernel, groups, weights }: Convolution,
  visit: (
    weight: number,
    output: number,
    input: number,
    row: number,
    column: number,
  ) => void,
): void {
  const inPerGroup = input[0] / groups, outPerGroup = output[0] / groups;
  for (let out = 0, at = 0; out < output[0]; out++) {
    const first = Math.floor(out / outPerGroup) * inPerGroup;
    for (let c = first; c < first + inPerGroup; c++) {
      for (let row = 0; row < kernel[0]; row++) {
        for (let column = 0; column < kernel[1]; column++, at++) {
          const weight = weights[at];
          if (weight !== 0) visit(weight, out, c, row, column);
        }
      }
    }
  }
}
