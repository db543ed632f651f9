/**
 * Extents of a convolution's output and shapes of its weights.
 *
 * @module
 */
import type { ConvolutionTerm, Term } from "./format.ts";

/** Rows and columns of a convolution's output; less than 1 where it does not fit. */
export function convolutionExtent(
  { inputShape, kernel, stride, dilation, pads }: ConvolutionTerm,
): [height: number, width: number] {
  const extent = (axis: 0 | 1) => {
    const room = inputShape[axis + 1] + pads[axis] + pads[axis + 2];
    const reach = dilation[axis] * (kernel[axis] - 1);
    return Math.floor((room - reach - 1) / stride[axis]) + 1;
  };
  return [extent(0), extent(1)];
}

/** Shape of the weights of a term that gives `outputs` rows or channels. */
export function weightShape(term: Term, outputs: number): number[] {
  return term.kind === "dense"
    ? [outputs, term.length]
    : [outputs, term.inputShape[0] / term.groups, ...term.kernel];
}
