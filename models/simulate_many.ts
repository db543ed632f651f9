/**
 * The fast path of the integer simulator. Every round becomes a sparse integer
 * matrix times an operand with one column a position (convolution: the input
 * patches of one sample) or a sample (dense: a batch of vectors). Sums stay exact
 * in float64, so the order of addition does not matter.
 */
import { type ActivationRegistry, applySteps } from "../sdk/activations.ts";
import {
  type EdgeTensor,
  elementCount,
} from "../sdk/fixed_point/edge_tensor.ts";
import { tensorNamed } from "./bounds.ts";
import type {
  ConvolutionTerm,
  IntegerTensor,
  ModelPackage,
  RoundSpec,
  Term,
} from "./package_format.ts";

/** Samples that go through the rounds together; more would leave the caches. */
const batchSamples = 32;

/** Options of `simulateMany`. */
export interface SimulateManyOptions {
  /** Called now and then with the number of readings done. */
  onProgress?: (done: number) => void;
  /** Functions of the model's `custom` steps. */
  registry?: ActivationRegistry;
  /** Adds the functions' noise to the accumulators of a round, in place. */
  disturb?: (
    round: number,
    accumulators: Float64Array,
    reading: number,
  ) => void;
}

/** Adds one term to the accumulators of a batch. */
type TermEvaluator = (
  inputs: readonly Float64Array[],
  outputs: readonly Float64Array[],
) => void;

/** What the last round's steps give for each reading. */
export function simulateManySamples(
  model: ModelPackage,
  readings: readonly Float64Array[],
  { registry, onProgress, disturb }: SimulateManyOptions,
): Float64Array[] {
  const rounds = model.manifest.rounds.map((round) => ({
    round,
    bias: tensorNamed(model.tensors, round.bias).data,
    terms: round.terms.map((term) => compileTerm(term, round, model.tensors)),
  }));
  const results: Float64Array[] = [];
  for (let start = 0; start < readings.length; start += batchSamples) {
    const batch = readings.slice(start, start + batchSamples);
    const activations = new Map<string, EdgeTensor>([
      ["input", { shape: model.manifest.input.shape, samples: batch }],
    ]);
    let samples: Float64Array[] = batch;
    for (const [index, { round, bias, terms }] of rounds.entries()) {
      samples = batch.map(() => biased(bias, elementCount(round.outputShape)));
      terms.forEach((addTerm, t) =>
        addTerm(activations.get(round.terms[t].reads)!.samples, samples)
      );
      samples.forEach((values, s) => disturb?.(index, values, start + s));
      const activation = applySteps(
        round.steps,
        { shape: round.outputShape, samples },
        registry,
      );
      activations.set(round.writes, activation);
      samples = activation.samples;
    }
    results.push(...samples);
    onProgress?.(results.length);
  }
  return results;
}

function compileTerm(
  term: Term,
  round: RoundSpec,
  tensors: ReadonlyMap<string, IntegerTensor>,
): TermEvaluator {
  const { data } = tensorNamed(tensors, term.weights);
  const [channels] = round.outputShape;
  if (term.kind === "dense") {
    const matrix = sparseRows(data, channels, () => 0);
    return (inputs, outputs) => {
      const operand = interleave(inputs);
      const products = new Float64Array(channels * inputs.length);
      multiplyAdd(matrix, operand, inputs.length, products);
      outputs.forEach((output, s) => {
        for (let o = 0; o < channels; o++) {
          output[o] += products[o * inputs.length + s];
        }
      });
    };
  }
  const [inChannels] = term.inputShape;
  const [, outHeight, outWidth] = round.outputShape;
  const patch = term.kernel[0] * term.kernel[1];
  const groupOutputs = channels / term.groups;
  const matrix = sparseRows(
    data,
    channels,
    (c) => Math.floor(c / groupOutputs) * (inChannels / term.groups) * patch,
  );
  const positions = outHeight * outWidth;
  const operand = new Float64Array(inChannels * patch * positions);
  return (inputs, outputs) =>
    inputs.forEach((input, s) => {
      gatherPatches(term, input, outHeight, outWidth, operand);
      multiplyAdd(matrix, operand, positions, outputs[s]);
    });
}

/** Rows of weights without their zeros. */
interface SparseRows {
  starts: Uint32Array;
  columns: Uint32Array;
  weights: Float64Array;
}

function sparseRows(
  data: Int32Array,
  rows: number,
  firstColumn: (row: number) => number,
): SparseRows {
  const rowLength = data.length / rows;
  const nonzeros = data.reduce((count, w) => w === 0 ? count : count + 1, 0);
  const starts = new Uint32Array(rows + 1);
  const columns = new Uint32Array(nonzeros);
  const weights = new Float64Array(nonzeros);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < rowLength; i++) {
      const weight = data[row * rowLength + i];
      if (weight === 0) continue;
      columns[at] = firstColumn(row) + i;
      weights[at++] = weight;
    }
    starts[row + 1] = at;
  }
  return { starts, columns, weights };
}

/** outputs[row, p] += sum of weights[row, column] * operand[column, p]. */
function multiplyAdd(
  { starts, columns, weights }: SparseRows,
  operand: Float64Array,
  width: number,
  outputs: Float64Array,
): void {
  for (let row = 0; row + 1 < starts.length; row++) {
    const out = outputs.subarray(row * width, (row + 1) * width);
    let i = starts[row];
    // Four weights a sweep: one load and store of the output for four products.
    for (; i + 4 <= starts[row + 1]; i += 4) {
      const w0 = weights[i], w1 = weights[i + 1];
      const w2 = weights[i + 2], w3 = weights[i + 3];
      const a0 = columns[i] * width, a1 = columns[i + 1] * width;
      const a2 = columns[i + 2] * width, a3 = columns[i + 3] * width;
      for (let p = 0; p < width; p++) {
        out[p] += w0 * operand[a0 + p] + w1 * operand[a1 + p] +
          w2 * operand[a2 + p] + w3 * operand[a3 + p];
      }
    }
    for (; i < starts[row + 1]; i++) {
      const weight = weights[i], from = columns[i] * width;
      for (let p = 0; p < width; p++) out[p] += weight * operand[from + p];
    }
  }
}

/** operand[(channel, ky, kx), (oy, ox)] = the input under that kernel element. */
function gatherPatches(
  term: ConvolutionTerm,
  input: Float64Array,
  outHeight: number,
  outWidth: number,
  operand: Float64Array,
): void {
  const [channels, height, width] = term.inputShape;
  const [strideY, strideX] = term.stride;
  let at = 0;
  for (let c = 0; c < channels; c++) {
    for (let ky = 0; ky < term.kernel[0]; ky++) {
      for (let kx = 0; kx < term.kernel[1]; kx++) {
        const left = kx * term.dilation[1] - term.pads[1];
        for (let oy = 0; oy < outHeight; oy++) {
          const y = oy * strideY + ky * term.dilation[0] - term.pads[0];
          const rowAt = (c * height + y) * width;
          const inside = y >= 0 && y < height;
          for (let ox = 0, x = left; ox < outWidth; ox++, x += strideX) {
            operand[at++] = inside && x >= 0 && x < width
              ? input[rowAt + x]
              : 0;
          }
        }
      }
    }
  }
}

/** The vectors as columns of one row-major matrix. */
function interleave(vectors: readonly Float64Array[]): Float64Array {
  const width = vectors.length;
  const matrix = new Float64Array(vectors[0].length * width);
  vectors.forEach((vector, s) => {
    for (let i = 0; i < vector.length; i++) matrix[i * width + s] = vector[i];
  });
  return matrix;
}

function biased(bias: Int32Array, elements: number): Float64Array {
  const positions = elements / bias.length;
  const outputs = new Float64Array(elements);
  bias.forEach((value, c) =>
    outputs.fill(value, c * positions, (c + 1) * positions)
  );
  return outputs;
}
