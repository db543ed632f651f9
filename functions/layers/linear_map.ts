import { tensorNamed } from "../../models/bounds.ts";
import type {
  ConvolutionTerm,
  DenseTerm,
  IntegerTensor,
  RoundSpec,
} from "../../models/package_format.ts";
import type { RoundLayout, SpatialInput } from "../../sdk/wire/plan.ts";

/**
 * One linear layer as products of powers see it. An *operand* is a ciphertext
 * whose slots are aligned with the outputs': input channel `i` at position `p` is
 * operand `firstOperand + i*positions + p` of its term. A *value* is one
 * ciphertext's worth of outputs: channel o at phase `f` is value `o*phases + f`.
 * Channels are in the model's own order.
 *
 * A dense layer has one position, one tap and one phase.
 */
export interface LinearMap {
  operands: number;
  values: number;
  channels: number;
  phases: number;
  terms: LinearTerm[];
  /** For each channel, or for each element of the output. */
  bias: Int32Array;
}

export interface LinearTerm {
  /** Row-major [channels][inputsPerGroup][taps]. */
  weights: Int32Array;
  channels: number;
  groups: number;
  inputsPerGroup: number;
  taps: number;
  firstOperand: number;
  positions: number;
  /** For each position: which tap of the kernel lets it count for which phase. */
  uses: { tap: number; phase: number }[][];
}

/**
 * Bias of value `value`: one number for all of its slots, or one a slot where the
 * bias depends on the position.
 */
export function biasOf(
  { bias, channels, phases }: LinearMap,
  layout: RoundLayout,
  value: number,
): number | number[] {
  const channel = Math.floor(value / phases);
  if (bias.length === channels || layout.kind === "dense") return bias[channel];
  const { tile, grid, samples, output: [, height, width] } = layout;
  const phase = value % phases;
  const phaseY = Math.floor(phase / tile[1]), phaseX = phase % tile[1];
  return Array.from({ length: grid[0] * grid[1] * samples }, (_, slot) => {
    const at = Math.floor(slot / samples);
    const y = tile[0] * Math.floor(at / grid[1]) + phaseY;
    const x = tile[1] * (at % grid[1]) + phaseX;
    if (y >= height || x >= width) return 0;
    return bias[(channel * height + y) * width + x];
  });
}

/** The linear map of a round of the model, laid out as `layout` says. */
export function linearMap(
  spec: RoundSpec,
  layout: RoundLayout,
  tensors: ReadonlyMap<string, IntegerTensor>,
): LinearMap {
  const bias = tensorNamed(tensors, spec.bias).data;
  const [channels] = spec.outputShape;
  const phases = layout.kind === "dense" ? 1 : layout.tile[0] * layout.tile[1];
  const terms: LinearTerm[] = [];
  let operands = 0;
  for (const [index, term] of spec.terms.entries()) {
    const { data: weights } = tensorNamed(tensors, term.weights);
    const shape = term.kind === "dense"
      ? denseShape(term)
      : convolutionShape(term, layout, index);
    terms.push({ weights, channels, firstOperand: operands, ...shape });
    operands += shape.groups * shape.inputsPerGroup * shape.positions;
  }
  return {
    operands,
    values: channels * phases,
    channels,
    phases,
    terms,
    bias,
  };
}

type TermShape = Pick<
  LinearTerm,
  "groups" | "inputsPerGroup" | "taps" | "positions" | "uses"
>;

function denseShape(term: DenseTerm): TermShape {
  return {
    groups: 1,
    inputsPerGroup: term.length,
    taps: 1,
    positions: 1,
    uses: [[{ tap: 0, phase: 0 }]],
  };
}

function convolutionShape(
  term: ConvolutionTerm,
  layout: RoundLayout,
  index: number,
): TermShape {
  if (layout.kind !== "spatial") {
    throw new TypeError("Cannot lay out convolution: expected a spatial round");
  }
  const input = layout.inputs[index];
  const [kernelHeight, kernelWidth] = term.kernel;
  return {
    groups: term.groups,
    inputsPerGroup: term.inputShape[0] / term.groups,
    taps: kernelHeight * kernelWidth,
    positions: input.offsets.length,
    uses: input.offsets.map((offset) => usesAt(offset, term, layout.tile)),
  };
}

/** Where output (phase) = input (offset) by out = (in + pad - dilation*tap) / stride. */
function usesAt(
  [offsetY, offsetX]: SpatialInput["offsets"][number],
  term: ConvolutionTerm,
  [tileHeight, tileWidth]: [number, number],
): { tap: number; phase: number }[] {
  const uses: { tap: number; phase: number }[] = [];
  for (let ky = 0; ky < term.kernel[0]; ky++) {
    const y = (offsetY + term.pads[0] - term.dilation[0] * ky) / term.stride[0];
    if (!Number.isInteger(y) || y < 0 || y >= tileHeight) continue;
    for (let kx = 0; kx < term.kernel[1]; kx++) {
      const x = (offsetX + term.pads[1] - term.dilation[1] * kx) /
        term.stride[1];
      if (!Number.isInteger(x) || x < 0 || x >= tileWidth) continue;
      uses.push({ tap: ky * term.kernel[1] + kx, phase: y * tileWidth + x });
    }
  }
  return uses;
}
