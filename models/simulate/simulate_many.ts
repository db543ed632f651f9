/**
 * The fast path of the integer simulator: rounds on batches of samples, by vector
 * instructions, in the narrowest floating point in which a round's bound proves
 * every sum exact; so the order of addition does not matter.
 *
 * @module
 */
import { applySteps } from "../../sdk/activations/apply.ts";
import type { ActivationRegistry } from "../../sdk/activations/registry.ts";
import { elementCount } from "../../sdk/fixed_point/integer_tensor.ts";
import { inputActivations } from "../../sdk/fixed_point/quantise.ts";
import { tensorNamed } from "../package/bounds.ts";
import { type BatchMap, batchMap, exactPrecision } from "./batch_map.ts";
import type {
  ModelPackage,
  RoundSpec,
  Term,
  WeightTensor,
} from "../package/format.ts";

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

/**
 * Runs the readings through the rounds.
 *
 * @param outcome of one reading, given the integers that a round wrote for it
 */
export function simulateManySamples<T>(
  model: ModelPackage,
  readings: readonly Float64Array[],
  { registry, onProgress, disturb }: SimulateManyOptions,
  outcome: (activation: (name: string) => Float64Array) => T,
): T[] {
  const rounds = model.manifest.rounds.map((round) => ({
    round,
    bias: tensorNamed(model.tensors, round.bias).data,
    terms: round.terms.map((term) => compileTerm(term, round, model.tensors)),
  }));
  const results: T[] = [];
  for (let start = 0; start < readings.length; start += batchSamples) {
    const batch = readings.slice(start, start + batchSamples);
    const activations = inputActivations(batch, model.manifest.inputs);
    for (const [index, { round, bias, terms }] of rounds.entries()) {
      const samples = batch.map(() =>
        spreadBias(bias, elementCount(round.outputShape))
      );
      terms.forEach((addTerm, t) =>
        addTerm(activations.get(round.terms[t].reads)!.samples, samples)
      );
      samples.forEach((values, s) => disturb?.(index, values, start + s));
      const activation = applySteps(
        round.steps,
        { shape: round.outputShape, samples },
        { registry, live: activations },
      );
      activations.set(round.writes, activation);
    }
    batch.forEach((_, s) =>
      results.push(outcome((name) => activations.get(name)!.samples[s]))
    );
    onProgress?.(results.length);
  }
  return results;
}

function compileTerm(
  term: Term,
  round: RoundSpec,
  tensors: ReadonlyMap<string, WeightTensor>,
): BatchMap {
  const { data: weights } = tensorNamed(tensors, term.weights);
  const precision = exactPrecision(round.bound);
  const [rows] = round.outputShape;
  if (term.kind === "dense") {
    const { length: columns } = term;
    return batchMap({ kind: "matrix", rows, columns, weights }, precision);
  }
  const [, height, width] = round.outputShape;
  return batchMap(
    { ...term, weights, input: term.inputShape, output: [rows, height, width] },
    precision,
  );
}

function spreadBias(bias: Int32Array, elements: number): Float64Array {
  const positions = elements / bias.length;
  const outputs = new Float64Array(elements);
  bias.forEach((value, c) =>
    outputs.fill(value, c * positions, (c + 1) * positions)
  );
  return outputs;
}
