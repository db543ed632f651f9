/**
 * A round's linear map as products of powers see it: operands, targets, weights.
 *
 * @module
 */
import { tensorNamed } from "../../../models/package/bounds.ts";
import type {
  ConvolutionTerm,
  RoundSpec,
  Term,
  WeightTensor,
} from "../../../models/package/format.ts";
import { foldOf } from "../../../sdk/fixed_point/layout.ts";
import type {
  RoundLayout,
  SpatialInput,
  SpatialLayout,
} from "../../../sdk/wire/plan.ts";

/**
 * One linear layer as products of powers see it. An *operand* is a ciphertext of
 * the request: input channel `i` at position `p` is operand
 * `firstOperand + i*positions + p` of its term. A *value* is one ciphertext's worth
 * of outputs: channel o at phase `f` is value `o*phases + f`. Channels are in the
 * model's own order.
 *
 * A dense layer has one position and one phase. Where `fold` = k of its inputs
 * share a ciphertext, a ciphertext is an input channel of k taps, and a value is made
 * of k *sums*: sum j of all k, of the weights of tap k-1-j, counts j blocks of samples
 * higher, so that the useful blocks of all meet in block k-1. Elsewhere a value is one sum.
 */
export interface LinearMap {
  operands: number;
  values: number;
  channels: number;
  phases: number;
  /** Sums of a value: sum j of value v is number v*fold + j. */
  fold: number;
  terms: LinearTerm[];
  /** For each channel, or for each element of the output. */
  bias: Int32Array;
}

export interface LinearTerm {
  /** Row-major [channels][inputsPerGroup][taps]; the last taps of a row may be missing. */
  weights: Int32Array;
  channels: number;
  groups: number;
  inputsPerGroup: number;
  taps: number;
  firstOperand: number;
  positions: number;
  /** For each position: which tap of the kernel lets it count for which sum of a channel. */
  uses: { tap: number; sum: number }[][];
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
  tensors: ReadonlyMap<string, WeightTensor>,
): LinearMap {
  const bias = tensorNamed(tensors, spec.bias).data;
  const [channels] = spec.outputShape;
  const phases = layout.kind === "dense" ? 1 : layout.tile[0] * layout.tile[1];
  const fold = foldOf(layout);
  const weights = spec.terms.map((term) =>
    tensorNamed(tensors, term.weights).data
  );
  const terms: LinearTerm[] = [];
  let operands = 0;
  const add = (weights: Int32Array, shape: TermShape) => {
    terms.push({ weights, channels, firstOperand: operands, ...shape });
    operands += shape.groups * shape.inputsPerGroup * shape.positions;
  };
  if (layout.kind === "dense") {
    const joined = joinRows(weights, channels);
    add(joined, denseShape(joined.length / channels, fold));
  } else {
    for (const [index, term] of spec.terms.entries()) {
      add(weights[index], convolutionShape(term, layout, index));
    }
  }
  return {
    operands,
    values: channels * phases,
    channels,
    phases,
    fold,
    terms,
    bias,
  };
}

/** Matrices of so many rows side by side. */
function joinRows(parts: Int32Array[], rows: number): Int32Array {
  if (parts.length === 1) return parts[0];
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const joined = new Int32Array(length);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    for (const part of parts) {
      const columns = part.length / rows;
      joined.set(part.subarray(row * columns, (row + 1) * columns), at);
      at += columns;
    }
  }
  return joined;
}

type TermShape = Pick<
  LinearTerm,
  "groups" | "inputsPerGroup" | "taps" | "positions" | "uses"
>;

function denseShape(length: number, fold: number): TermShape {
  return {
    groups: 1,
    inputsPerGroup: Math.ceil(length / fold),
    taps: fold,
    positions: 1,
    uses: [
      Array.from({ length: fold }, (_, tap) => ({ tap, sum: fold - 1 - tap })),
    ],
  };
}

function convolutionShape(
  term: Term,
  layout: SpatialLayout,
  index: number,
): TermShape {
  if (term.kind !== "convolution") {
    throw new TypeError("Cannot lay out spatial round: expected convolutions");
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
): { tap: number; sum: number }[] {
  const uses: { tap: number; sum: number }[] = [];
  for (let ky = 0; ky < term.kernel[0]; ky++) {
    const y = (offsetY + term.pads[0] - term.dilation[0] * ky) / term.stride[0];
    if (!Number.isInteger(y) || y < 0 || y >= tileHeight) continue;
    for (let kx = 0; kx < term.kernel[1]; kx++) {
      const x = (offsetX + term.pads[1] - term.dilation[1] * kx) /
        term.stride[1];
      if (!Number.isInteger(x) || x < 0 || x >= tileWidth) continue;
      uses.push({ tap: ky * term.kernel[1] + kx, sum: y * tileWidth + x });
    }
  }
  return uses;
}
