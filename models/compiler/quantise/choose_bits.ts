/**
 * Fewest bits that keep the accuracy: narrower slots, fewer products everywhere.
 *
 * @module
 */
import { sum } from "../../../sdk/support/numbers.ts";
import type { CompileOptions } from "../compile.ts";
import type { FloatNetwork, FloatRound } from "../ir.ts";
import { givenRounds } from "./given.ts";
import { outputsOf } from "../float_reference.ts";
import { scoreName } from "../names.ts";
import { chooseInputs, quantiseInputs } from "./inputs.ts";
import {
  errorLimits,
  hasClasses,
  minReadingsToChoose,
  refuseInaccurate,
} from "./promise.ts";
import { type BitWidths, quantiseRounds } from "./quantise.ts";
import { argMax, firstOutput, outputErrors, realOutputs } from "./report.ts";
import type { QuantisedRound } from "./round.ts";
import type { ScoreErrors } from "./score_errors.ts";
import { firstReadings, type FloatStatistics } from "./statistics.ts";

/** Widths to begin with: the first that are good enough. */
const starts = [8, 10, 12];

/** The least that the search goes to. */
const narrowest = { weights: 2, activations: 4 };

/**
 * From this many rounds on, all inner rounds share their widths; activations that
 * several rounds read (a residual stream, whose errors add up) are apart.
 */
const manyRounds = 9;

/** Products that the search may take, about: it looks at fewer readings instead. */
const searchProducts = 1e11;
const minReadings = 64;

/**
 * Greedy search: from 8 bits everywhere (more where the scores need them), lowers
 * one width after another, those of the largest weights first. Every score keeps its
 * error about its mean within the aim of `errorLimits`. Where there are classes, so
 * does accuracy on the calibration readings, within `maxAccuracyLoss` percentage
 * points in all (without labels: the share of readings whose arg-max is the float
 * model's). Readings too few, or on which no score varies, leave 8 bits everywhere.
 *
 * @throws {InaccurateModelError} where 12 bits are not enough either, without
 * `acceptError`
 */
export function chooseBits(
  network: FloatNetwork,
  statistics: FloatStatistics,
  options: CompileOptions,
): BitWidths {
  const given = givenRounds(network);
  const all = knobs(network, given);
  const readings = Math.min(
    options.calibration.length,
    readingsInReach(network, all.length),
  );
  const quality = qualityMeter(
    network,
    firstReadings(statistics, readings),
    options,
    readings,
  );
  const { aim, max } = errorLimits(options)!;
  const count = network.rounds.length;
  if (given.size === count) return usual(count);
  const uniform = (width: number): BitWidths => ({
    input: width,
    weights: Array(count).fill(width),
    activations: Array(count).fill(width),
  });
  let bits = uniform(starts[0]);
  if (readings < minReadingsToChoose) {
    options.onProgress?.(
      `${readings} readings are too few to choose bit widths by: 8 bits everywhere`,
    );
    return bits;
  }
  let start = quality(bits);
  if (start.worst === null) {
    options.onProgress?.(
      "no score varies on the readings, which says nothing of bit widths: 8 bits everywhere",
    );
    return bits;
  }
  for (const width of starts.slice(1)) {
    if (start.worst!.error <= aim) break;
    bits = uniform(width);
    start = quality(bits);
  }
  const worst = start.worst!;
  if (worst.error > max && !options.acceptError) {
    const score = scoreName(options.labels, worst.score);
    const how = `with ${bits.input} bits everywhere`;
    refuseInaccurate({ score, error: worst.error }, max, how);
  }
  const floor = start.accuracy - (options.maxAccuracyLoss ?? .02) / 100;
  const maxError = Math.max(aim, worst.error);

  for (const knob of all) {
    while (knob.get(bits) > knob.min) {
      knob.set(bits, knob.get(bits) - 1);
      const { accuracy, worst } = quality(bits);
      if (accuracy < floor || worst!.error > maxError) {
        knob.set(bits, knob.get(bits) + 1);
        break;
      }
      options.onProgress?.(
        `${knob.name}: ${knob.get(bits)} bits (error ${
          (100 * worst!.error).toFixed(2)
        } %)`,
      );
    }
  }
  return bits;
}

/** What stands where nothing is left to choose, but for the reading's. */
function usual(count: number): BitWidths {
  const widths = Array(count).fill(starts[0]);
  return { input: starts[0], weights: widths, activations: widths };
}

/** One width of the network. */
interface Knob {
  name: string;
  min: number;
  get: (bits: BitWidths) => number;
  set: (bits: BitWidths, value: number) => void;
}

/** Weights of the largest rounds first, then the input, then activations. */
function knobs(
  network: FloatNetwork,
  given: ReadonlySet<FloatRound>,
): Knob[] {
  const { rounds, inputs } = network;
  const open = (group: number[]) => group.filter((i) => !given.has(rounds[i]));
  const isOpen = (group: number[]) => group.length > 0;
  const size = (index: number) =>
    rounds[index].terms.reduce((sum, { map }) => sum + map.weights.length, 0);
  const weights = groupsOf(rounds.length).map(open).filter(isOpen)
    .toSorted((a, b) => size(b[0]) - size(a[0]))
    .map((group) => knob("weights", group, rounds, narrowest.weights));
  const activations = groupsOf(rounds.length - 1).map(open).filter(isOpen)
    .flatMap((group) => byReaders(network, group))
    .map((group) => knob("activations", group, rounds, narrowest.activations));
  const input: Knob = {
    name: "input",
    min: narrowest.activations,
    get: (bits) => bits.input,
    set: (bits, value) => bits.input = value,
  };
  const isGiven = inputs.every(({ grid }) => grid !== null);
  return [...weights, ...isGiven ? [] : [input], ...activations];
}

/** Rounds that share a width: each its own, or the inner ones together. */
function groupsOf(count: number): number[][] {
  const all = Array.from({ length: count }, (_, i) => i);
  if (count < manyRounds) return all.map((i) => [i]);
  return [all.slice(1, -1), [0], [count - 1]];
}

/** The rounds whose activations one round reads, and those that several read. */
function byReaders({ rounds }: FloatNetwork, group: number[]): number[][] {
  const readers = (index: number) =>
    rounds.filter(({ terms }) =>
      terms.some(({ reads }) => reads === rounds[index].writes)
    ).length;
  return [
    group.filter((index) => readers(index) < 2),
    group.filter((index) => readers(index) >= 2),
  ].filter((part) => part.length > 0);
}

function knob(
  kind: "weights" | "activations",
  group: number[],
  rounds: FloatNetwork["rounds"],
  min: number,
): Knob {
  const [first] = group;
  return {
    name: `${kind} of ${rounds[first].name}${
      group.length > 1 ? ` to ${rounds[group[group.length - 1]].name}` : ""
    }`,
    min,
    get: (bits) => bits[kind][first],
    set: (bits, value) => group.forEach((i) => bits[kind][i] = value),
  };
}

/** How many readings the search can afford; each knob is tried about four times. */
function readingsInReach({ rounds }: FloatNetwork, knobs: number): number {
  const products = sum(
    rounds.flatMap(({ terms }) =>
      terms.map(({ map }) =>
        map.kind === "matrix"
          ? map.weights.length
          : map.weights.length * map.output[1] * map.output[2]
      )
    ),
  );
  return Math.max(
    minReadings,
    Math.floor(searchProducts / (products * knobs * 4)),
  );
}

interface Quality {
  /** Share of right (or agreeing) arg-maxima; 1 where there are no classes. */
  accuracy: number;
  /** The worst score's error about its mean; null where no score varies. */
  worst: ScoreErrors["worst"];
}

/** Quality of a choice of widths; rounds before the first change are taken over. */
function qualityMeter(
  network: FloatNetwork,
  statistics: FloatStatistics,
  options: CompileOptions,
  count: number,
) {
  const { calibration, calibrationLabels, inputRange } = options;
  const classes = hasClasses(network, options);
  const readings = calibration.slice(0, count);
  const floatScores = outputsOf(network, statistics.samples);
  const classOf = (values: Float64Array) =>
    argMax(firstOutput(network, values));
  const wanted = calibrationLabels ?? floatScores.map(classOf);
  let known: { key: string[]; rounds: QuantisedRound[] } = {
    key: [],
    rounds: [],
  };
  return (bits: BitWidths): Quality => {
    const key = network.rounds.map((_, i) =>
      [bits.input, bits.weights[i], bits.activations[i]].join()
    );
    let same = 0;
    while (same < known.key.length && key[same] === known.key[same]) same++;
    const earlier = known.rounds.slice(0, Math.min(same, key.length - 1));
    const specs = chooseInputs(network, calibration, bits.input, inputRange);
    const rounds = quantiseRounds(network, {
      statistics,
      inputs: quantiseInputs(network, readings, specs),
      bits,
      earlier,
      shiftsOnly: options.privacy === "sealed",
      scoresApart: !classes,
    });
    known = { key, rounds };
    const scores = realOutputs(network, rounds);
    const right = scores.filter((values, i) => classOf(values) === wanted[i]);
    return {
      accuracy: classes ? right.length / count : 1,
      worst: outputErrors(network, floatScores, scores).worst,
    };
  };
}
