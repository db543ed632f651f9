/**
 * The integer simulator: what an encrypted inference computes, in the clear. The
 * plain definition of every round; `simulate_many.ts` does the same faster.
 *
 * @module
 */
import { applySteps } from "../../sdk/activations/apply.ts";
import type { ActivationRegistry } from "../../sdk/activations/registry.ts";
import {
  elementCount,
  type IntegerTensor,
} from "../../sdk/fixed_point/integer_tensor.ts";
import {
  inputActivations,
  outputIntegers,
  realValues,
} from "../../sdk/fixed_point/quantise.ts";
import { tensorNamed } from "../package/bounds.ts";
import {
  type SimulateManyOptions,
  simulateManySamples,
} from "./simulate_many.ts";
import type {
  ConvolutionTerm,
  DenseTerm,
  Manifest,
  ModelPackage,
  RoundSpec,
  WeightTensor,
} from "../package/format.ts";

/** What an inference gives. */
export interface Outcome {
  /** Integers of the outputs, one after another. */
  integers: Float64Array;
  /** What those of the first output stand for. */
  scores: Float64Array;
  /** The same of every output, by name. */
  outputs: ReadonlyMap<string, Float64Array>;
}

export interface Simulation extends Outcome {
  rounds: { accumulators: Float64Array; activation: IntegerTensor }[];
}

/**
 * Evaluates the model on one quantised reading, as the gateway and the cloud do
 * together, bit for bit.
 *
 * @param reading integers in [low, high] of the model's inputs, one after another,
 * row-major
 * @param registry functions of the model's `custom` steps
 * @param disturb adds the functions' noise to the accumulators of a round, in place
 * @throws {RangeError} if the reading has another size than the model's inputs
 */
export function simulate(
  model: ModelPackage,
  reading: Float64Array,
  registry?: ActivationRegistry,
  disturb?: (round: number, accumulators: Float64Array) => void,
): Simulation {
  const { manifest, tensors } = model;
  checkReading(model, reading);
  const activations = inputActivations([reading], manifest.inputs);
  const rounds = manifest.rounds.map((round, index) => {
    const accumulators = evaluateRound(round, tensors, activations);
    disturb?.(index, accumulators);
    const activation = applySteps(
      round.steps,
      { shape: round.outputShape, samples: [accumulators] },
      { registry, live: activations },
    );
    activations.set(round.writes, activation);
    return { accumulators, activation };
  });
  return {
    rounds,
    ...outcome(manifest, (name) => activations.get(name)!.samples[0]),
  };
}

/**
 * `simulate` for many readings, fast: thousands of small images a second. Only
 * outcomes are kept.
 *
 * @throws {RangeError} if a reading has another size than the model's inputs
 */
export function simulateMany(
  model: ModelPackage,
  readings: readonly Float64Array[],
  options: SimulateManyOptions = {},
): Outcome[] {
  for (const reading of readings) checkReading(model, reading);
  return simulateManySamples(
    model,
    readings,
    options,
    (activation) => outcome(model.manifest, activation),
  );
}

/** y = sum of terms + bias on the first sample of the activations. */
export function evaluateRound(
  round: RoundSpec,
  tensors: ReadonlyMap<string, WeightTensor>,
  activations: ReadonlyMap<string, IntegerTensor>,
): Float64Array {
  const bias = tensorNamed(tensors, round.bias).data;
  const outputs = new Float64Array(elementCount(round.outputShape));
  const positions = outputs.length / bias.length;
  for (let i = 0; i < outputs.length; i++) {
    outputs[i] = bias[Math.floor(i / positions)];
  }
  for (const term of round.terms) {
    const inputs = activations.get(term.reads)!.samples[0];
    const weights = tensorNamed(tensors, term.weights).data;
    const operands = { inputs, weights };
    if (term.kind === "dense") addDense(outputs, operands, term);
    else addConvolution(outputs, operands, term, round.outputShape);
  }
  return outputs;
}

interface Operands {
  inputs: Float64Array;
  weights: Int32Array;
}

function addDense(
  outputs: Float64Array,
  { inputs, weights }: Operands,
  { length }: DenseTerm,
): void {
  for (let o = 0; o < outputs.length; o++) {
    for (let i = 0; i < length; i++) {
      outputs[o] += weights[o * length + i] * inputs[i];
    }
  }
}

function addConvolution(
  outputs: Float64Array,
  { inputs, weights }: Operands,
  term: ConvolutionTerm,
  [channels, outHeight, outWidth]: number[],
): void {
  const [inChannels, height, width] = term.inputShape;
  const [kernelHeight, kernelWidth] = term.kernel;
  const groupInputs = inChannels / term.groups;
  const groupOutputs = channels / term.groups;
  for (let c = 0; c < channels; c++) {
    const firstInput = Math.floor(c / groupOutputs) * groupInputs;
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++) {
        let sum = 0;
        for (let ci = 0; ci < groupInputs; ci++) {
          for (let ky = 0; ky < kernelHeight; ky++) {
            const y = oy * term.stride[0] + ky * term.dilation[0] -
              term.pads[0];
            for (let kx = 0; kx < kernelWidth; kx++) {
              const x = ox * term.stride[1] + kx * term.dilation[1] -
                term.pads[1];
              if (y < 0 || y >= height || x < 0 || x >= width) continue;
              sum += weights[
                ((c * groupInputs + ci) * kernelHeight + ky) * kernelWidth + kx
              ] * inputs[((firstInput + ci) * height + y) * width + x];
            }
          }
        }
        outputs[(c * outHeight + oy) * outWidth + ox] += sum;
      }
    }
  }
}

function checkReading(
  { manifest: { inputs } }: ModelPackage,
  reading: Float64Array,
): void {
  const expected = inputs.reduce(
    (sum, { shape }) => sum + elementCount(shape),
    0,
  );
  if (reading.length !== expected) {
    throw new RangeError(
      `Cannot simulate: expected a reading of ${expected} values, got ${reading.length}`,
    );
  }
}

/** @param activation gives the integers that a round wrote for one reading */
function outcome(
  { outputs }: Manifest,
  activation: (name: string) => Float64Array,
): Outcome {
  const integers = outputs.map((output) =>
    outputIntegers(output, activation(output.tensor))
  );
  const real = new Map(
    outputs.map((output, i) => [output.name, realValues(integers[i], output)]),
  );
  return {
    integers: Float64Array.from(integers.flatMap((part) => [...part])),
    scores: real.get(outputs[0].name)!,
    outputs: real,
  };
}
