/**
 * Single layers of chosen size with weights like those of a trained network.
 *
 * @module
 */
import { accumulatorBound } from "../../models/package/bounds.ts";
import {
  type ModelPackage,
  packageFormat,
  type RoundSpec,
  type Term,
} from "../../models/package/format.ts";

const values = { labels: null, units: null, scale: [1], offset: [0] };
/** Inputs and weights have the LeNet's usual widths. */
const input = { low: 0, high: 63 };
const weightHigh = 7;

/** A square dense layer of `length` inputs and outputs. */
export function denseLayer(length: number): ModelPackage {
  const term: Term = {
    kind: "dense",
    reads: "input",
    length,
    ...input,
    weights: "weights",
  };
  return singleRound(`dense-${length}`, term, {
    inputShape: [length],
    weightShape: [length, length],
    outputShape: [length],
  });
}

/** A 3x3 convolution of a 4-channel square image of `side` to 8 channels. */
export function convolutionLayer(side: number): ModelPackage {
  const inputShape: [number, number, number] = [4, side, side];
  const term: Term = {
    kind: "convolution",
    reads: "input",
    inputShape,
    ...input,
    weights: "weights",
    kernel: [3, 3],
    stride: [1, 1],
    dilation: [1, 1],
    pads: [0, 0, 0, 0],
    groups: 1,
  };
  return singleRound(`convolution-${side}`, term, {
    inputShape,
    weightShape: [8, 4, 3, 3],
    outputShape: [8, side - 2, side - 2],
  });
}

function singleRound(
  name: string,
  term: Term,
  { inputShape, weightShape, outputShape }: {
    inputShape: number[];
    weightShape: number[];
    outputShape: number[];
  },
): ModelPackage {
  const size = weightShape.reduce((a, b) => a * b);
  // Low-discrepancy, so that every size has the same mixture of weights.
  const data = Int32Array.from({ length: size }, (_, i) => {
    const unit = (i * 0.6180339887498949) % 1;
    return Math.round((2 * unit - 1) ** 3 * weightHigh);
  });
  const tensors = new Map([
    ["weights", { shape: weightShape, data }],
    ["bias", {
      shape: [weightShape[0]],
      data: new Int32Array(weightShape[0]),
    }],
  ]);
  const round: RoundSpec = {
    name: "layer",
    terms: [term],
    outputShape,
    bias: "bias",
    bound: 0,
    steps: [],
    writes: "output",
  };
  round.bound = accumulatorBound(round, tensors);
  return {
    manifest: {
      format: packageFormat,
      name,
      version: "1",
      inputs: [{ ...values, name: "input", shape: inputShape, ...input }],
      rounds: [round],
      outputs: [{
        ...values,
        name: "output",
        shape: outputShape,
        tensor: round.writes,
        start: 0,
        tail: "none",
      }],
      states: [],
      powerOfTwo: true,
      privacy: "standard",
      reveal: "scores",
      provenance: {},
      files: {},
    },
    tensors,
  };
}
