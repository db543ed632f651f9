/**
 * What quantisation did to a network, round by round.
 *
 * @module
 */
import { elementCount } from "../../../sdk/fixed_point/integer_tensor.ts";
import { sum } from "../../../sdk/support/numbers.ts";
import { outputsOf } from "../float_reference.ts";
import { type FloatNetwork, givesScores } from "../ir.ts";
import type { QuantisedActivation } from "./activation.ts";
import { activationNamed } from "./outputs.ts";
import type { BitWidths } from "./quantise.ts";
import { type ScoreErrors, scoreErrors } from "./score_errors.ts";
import type { FloatStatistics } from "./statistics.ts";
import type { QuantisedRound } from "./round.ts";

export interface RoundReport {
  name: string;
  weightBits: number;
  /** Range of the activation that the round writes; null in the last. */
  range: [low: number, high: number] | null;
  /** Every accumulator lies in [-bound, bound]. */
  bound: number;
  /** 1 + ceil(log2(bound + 1)), before decoys and noise. */
  slotBits: number;
  /** Share of weights that are zero. */
  sparsity: number;
  /**
   * Signal to noise of the activation (or scores) against the float model, decibels;
   * null without calibration readings.
   */
  signalToNoise: number | null;
}

export interface QuantisationReport {
  rounds: RoundReport[];
  /** Relative L2 error of the scores on the calibration readings; null without any. */
  relativeError: number | null;
  /**
   * Of the worst score: root of the share of its variation about its mean that is lost
   * (1 - R^2); null without calibration readings.
   */
  worstScoreError: number | null;
  /** Number of that score (of a picture: its channel). */
  worstScore: number | null;
  /** Scores that hardly vary over the calibration readings: little is known of their error. */
  constantScores: number;
  /** Elements of the reading that have one value in all calibration readings. */
  constantElements: number;
  /** Calibration readings. */
  readings: number;
  /**
   * Share of calibration readings whose arg-max is the float model's; null without any, or
   * where the scores are no classes.
   */
  agreement: number | null;
}

/** Compares the quantised rounds with the float statistics. */
export function report(
  network: FloatNetwork,
  { statistics, rounds, bits, hasClasses }: {
    statistics: FloatStatistics;
    rounds: QuantisedRound[];
    bits: BitWidths;
    hasClasses: boolean;
  },
): QuantisationReport {
  const scores = realOutputs(network, rounds);
  const floatScores = outputsOf(network, statistics.samples);
  const total = outputNoise(network, floatScores, scores);
  const { worst, constant } = outputErrors(network, floatScores, scores);
  return {
    rounds: rounds.map(({ activation, spec, tensors }, i) => {
      const isLast = givesScores(network, network.rounds[i]);
      const noise = relativeNoise(
        statistics.samples.get(spec.writes)!,
        real(activation),
      );
      return {
        name: spec.name,
        weightBits: bits.weights[i],
        range: isLast ? null : [activation.low, activation.high],
        bound: spec.bound,
        slotBits: 1 + Math.ceil(Math.log2(spec.bound + 1)),
        sparsity: sparsity(
          spec.terms.map(({ weights }) => tensors.get(weights)!.data),
        ),
        signalToNoise: scores.length > 0 ? -10 * Math.log10(noise) : null,
      };
    }),
    relativeError: scores.length > 0 ? Math.sqrt(total) : null,
    worstScoreError: worst?.error ?? null,
    worstScore: worst?.score ?? null,
    constantScores: scores.length > 0 ? constant : 0,
    constantElements: sum(
      network.inputs.map(({ name }) =>
        constantElements(statistics.samples.get(name)!)
      ),
    ),
    readings: scores.length,
    agreement: hasClasses && scores.length > 0
      ? agreement(
        floatScores.map((values) => firstOutput(network, values)),
        scores.map((values) => firstOutput(network, values)),
      )
      : null,
  };
}

/** `scoreErrors` of all outputs, whose scores are counted through. */
export function outputErrors(
  network: FloatNetwork,
  wanted: Float64Array[],
  got: Float64Array[],
): ScoreErrors {
  const all: ScoreErrors = { worst: null, constant: 0 };
  let from = 0, first = 0;
  for (const { shape, tensor } of network.outputs) {
    const start = from, end = from += elementCount(shape);
    const part = (values: Float64Array) => values.subarray(start, end);
    const blocks = scoreCount(network, tensor);
    const { worst, constant } = scoreErrors(
      wanted.map(part),
      got.map(part),
      blocks,
    );
    if (worst && !(all.worst && all.worst.error >= worst.error)) {
      all.worst = { ...worst, score: first + worst.score };
    }
    all.constant += constant;
    first += blocks;
  }
  return all;
}

/** What is one score each: the elements of a vector, the channels of a picture. */
function scoreCount({ rounds }: FloatNetwork, tensor: string): number {
  // What is kept on the way has no shape of its own: a score for all.
  return rounds.find(({ writes }) => writes === tensor)?.writesShape[0] ?? 1;
}

function constantElements(readings: ArrayLike<number>[]): number {
  const [first, ...others] = readings;
  if (!first) return 0;
  return Array.from(first).filter((value, i) =>
    others.every((reading) => reading[i] === value)
  ).length;
}

/** The calibration data's outputs, one after another, in real units. */
export function realOutputs(
  network: FloatNetwork,
  rounds: QuantisedRound[],
): Float64Array[] {
  return outputsOf(
    network,
    new Map(
      network.outputs.map(({ tensor }) => [
        tensor,
        real(activationNamed(rounds, tensor)),
      ]),
    ),
  );
}

/** Of values of all outputs those of the first, whose largest counts. */
export function firstOutput(
  { outputs: [{ shape }] }: FloatNetwork,
  values: Float64Array,
): Float64Array {
  return values.subarray(0, elementCount(shape));
}

/** `relativeNoise` of the output where it is largest. */
export function outputNoise(
  { outputs }: FloatNetwork,
  wanted: Float64Array[],
  got: Float64Array[],
): number {
  let from = 0;
  return outputs.reduce((worst, { shape }) => {
    const start = from, end = from += elementCount(shape);
    const part = (values: Float64Array) => values.subarray(start, end);
    return Math.max(worst, relativeNoise(wanted.map(part), got.map(part)));
  }, 0);
}

/** Share of samples whose arg-max agrees. */
export function agreement(
  left: ArrayLike<number>[],
  right: ArrayLike<number>[],
): number {
  const same = left.filter((scores, i) => argMax(scores) === argMax(right[i]));
  return same.length / left.length;
}

/** Place of the largest value, the first of equals. */
export function argMax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) {
    if (values[i] > values[best]) best = i;
  }
  return best;
}

function real(
  { samples, scales }: QuantisedActivation,
): Float64Array[] {
  return samples.map((sample) => {
    const perScale = sample.length / scales.length;
    const values = new Float64Array(sample.length);
    for (let g = 0, i = 0; g < scales.length; g++) {
      for (const end = i + perScale; i < end; i++) {
        values[i] = sample[i] * scales[g];
      }
    }
    return values;
  });
}

/** Energy of the difference over energy of the signal. */
export function relativeNoise(
  signal: ArrayLike<number>[],
  quantised: ArrayLike<number>[],
): number {
  let energy = 0, noise = 0;
  signal.forEach((values, s) => {
    for (let i = 0; i < values.length; i++) {
      energy += values[i] ** 2;
      noise += (values[i] - quantised[s][i]) ** 2;
    }
  });
  return energy === 0 ? 0 : noise / energy;
}

function sparsity(tensors: Int32Array[]): number {
  const size = tensors.reduce((sum, data) => sum + data.length, 0);
  const zeros = tensors.reduce(
    (sum, data) => sum + data.reduce((n, w) => w === 0 ? n + 1 : n, 0),
    0,
  );
  return zeros / size;
}
