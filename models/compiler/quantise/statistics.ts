/**
 * What calibration learns from the network in floating point.
 *
 * @module
 */
import {
  accumulators,
  applyOperations,
  inputActivations,
} from "../float_reference.ts";
import {
  type FloatNetwork,
  type FloatTerm,
  operandOf,
  roundsToScale,
  writtenBy,
} from "../ir.ts";
import { type Feedback, feedbackOf } from "./error_feedback.ts";

/** In doubles where the model itself rounds: single precision would round otherwise. */
export type Samples = (Float32Array | Float64Array)[];

export interface FloatStatistics {
  /** Samples of every activation and input, by name. */
  samples: Map<string, Samples>;
  means: Map<string, Float64Array>;
  /** How rounding errors of a term's weights are passed on; made when first asked for. */
  feedback: (term: FloatTerm) => Feedback | null;
}

/**
 * Runs the network on the readings, round by round.
 *
 * @throws {RangeError} where an activation is not finite
 */
export function floatStatistics(
  network: FloatNetwork,
  readings: ArrayLike<number>[],
): FloatStatistics {
  const isExact = roundsItself(network);
  const kept = (values: Float64Array) =>
    isExact ? values : Float32Array.from(values);
  const samples = new Map<string, Samples>(
    [...inputActivations(network, readings)].map(([name, list]) => [
      name,
      list.map(kept),
    ]),
  );
  const precision = isExact ? "f64" : "f32";
  for (const round of network.rounds) {
    const operands = round.gateway.map(operandOf).filter((name) =>
      name !== null && samples.has(name)
    ) as string[];
    const written = new Map(
      writtenBy(round).map((name): [string, Samples] => [name, []]),
    );
    let sample = 0;
    for (const accumulated of accumulators(round, samples, precision)) {
      const live = new Map<string, ArrayLike<number>>(
        operands.map((name) => [name, samples.get(name)![sample]]),
      );
      live.set(round.writes, applyOperations(round, accumulated, live));
      for (const [name, list] of written) {
        list.push(kept(live.get(name) as Float64Array));
      }
      sample++;
    }
    for (const [name, list] of written) {
      if (!list.every((values: ArrayLike<number>) => isFinite(values))) {
        throw new RangeError(
          `Cannot calibrate: ${round.name} is not finite in single precision on the calibration readings`,
        );
      }
      samples.set(name, list);
    }
  }
  const known = new Map<FloatTerm, Feedback | null>();
  return {
    samples,
    means: meansOf(samples),
    feedback: (term) => {
      const found = known.get(term);
      if (found !== undefined) return found;
      const made = feedbackOf(term, samples.get(term.reads)!);
      known.set(term, made);
      return made;
    },
  };
}

/** Whether the model rounds what it computes: to the other side where sums differ a little. */
function roundsItself({ inputs, rounds }: FloatNetwork): boolean {
  return inputs.some(({ grid }) => grid !== null) ||
    rounds.some(({ gateway }) => gateway.some(roundsToScale));
}

function isFinite(values: ArrayLike<number>): boolean {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) return false;
  }
  return true;
}

/** The statistics of the first readings alone. */
export function firstReadings(
  statistics: FloatStatistics,
  count: number,
): FloatStatistics {
  const samples = new Map<string, Samples>(
    [...statistics.samples].map(([name, list]) => [name, list.slice(0, count)]),
  );
  return { ...statistics, samples, means: meansOf(samples) };
}

/** Element by element. */
export function meanOf(samples: ArrayLike<number>[]): Float64Array {
  const mean = new Float64Array(samples[0]?.length ?? 0);
  for (const sample of samples) {
    for (let i = 0; i < mean.length; i++) mean[i] += sample[i];
  }
  return mean.map((sum) => sum / samples.length);
}

function meansOf(
  samples: ReadonlyMap<string, Samples>,
): Map<string, Float64Array> {
  return new Map([...samples].map(([name, list]) => [name, meanOf(list)]));
}

/**
 * Of `blocks` equal parts of an activation: the largest magnitude, the variance over
 * all samples and elements, and the distance from the smallest value to the largest.
 * Zeros where there are no samples.
 */
export function blockSpreads(
  samples: readonly ArrayLike<number>[],
  blocks: number,
): { reach: number; variance: number; swing: number }[] {
  return Array.from({ length: blocks }, (_, block) => {
    let min = Infinity, max = -Infinity, sum = 0, squares = 0, count = 0;
    for (const sample of samples) {
      const length = sample.length / blocks;
      for (let i = block * length; i < (block + 1) * length; i++) {
        const value = sample[i];
        if (value < min) min = value;
        if (value > max) max = value;
        sum += value;
        squares += value * value;
        count++;
      }
    }
    const mean = count > 0 ? sum / count : 0;
    const variance = count > 0 ? squares / count - mean * mean : 0;
    return {
      reach: count > 0 ? Math.max(-min, max) : 0,
      variance: Math.max(0, variance),
      swing: count > 0 ? max - min : 0,
    };
  });
}
