/** Fewest bits that keep the accuracy: narrower slots, fewer products everywhere. */
import type { CompileOptions } from "../compile.ts";
import type { FloatNetwork } from "../ir.ts";
import {
  type BitWidths,
  chooseInput,
  type FloatStatistics,
  quantiseInput,
  quantiseRounds,
} from "./quantise.ts";
import { argMax, realScores, relativeNoise } from "./report.ts";
import type { QuantisedRound } from "./round.ts";

/** Widths to begin with: the first that are good enough. */
const starts = [8, 10, 12];

/** The least that the search goes to. */
const narrowest = { weights: 2, activations: 4 };

/**
 * Largest relative L2 error of the scores on the calibration readings, where no
 * labels say what counts.
 */
const mostRelativeError = .015;

/**
 * Greedy search: from 8 bits everywhere (more where the scores need them), lowers
 * one width after another, those of the largest weights first. With labels,
 * accuracy on the calibration readings may fall by `maxAccuracyLoss` percentage
 * points in all; without, so may the share of readings whose arg-max is the float
 * model's, and the scores keep a relative error of at most 1.5 %.
 */
export function chooseBits(
  network: FloatNetwork,
  statistics: FloatStatistics,
  options: CompileOptions,
): BitWidths {
  const quality = qualityMeter(network, statistics, options);
  const count = network.rounds.length;
  const uniform = (width: number): BitWidths => ({
    input: width,
    weights: Array(count).fill(width),
    activations: Array(count).fill(width),
  });
  const loss = (options.maxAccuracyLoss ?? .02) / 100;
  let bits = uniform(starts[0]);
  for (const width of starts) {
    bits = uniform(width);
    if (quality(bits).error <= mostRelativeError) break;
  }
  const floor = quality(bits).accuracy - loss;
  const mostError = Math.max(mostRelativeError, quality(bits).error);

  for (const knob of knobs(network)) {
    while (knob.get(bits) > knob.least) {
      knob.set(bits, knob.get(bits) - 1);
      const { accuracy, error } = quality(bits);
      if (accuracy < floor || error > mostError) {
        knob.set(bits, knob.get(bits) + 1);
        break;
      }
      options.onProgress?.(
        `${knob.name}: ${knob.get(bits)} bits (${
          (100 * accuracy).toFixed(2)
        } %)`,
      );
    }
  }
  return bits;
}

/** One width of the network. */
interface Knob {
  name: string;
  least: number;
  get: (bits: BitWidths) => number;
  set: (bits: BitWidths, value: number) => void;
}

/** Weights of the largest rounds first, then activations from the input on. */
function knobs({ rounds }: FloatNetwork): Knob[] {
  const size = (index: number) =>
    rounds[index].terms.reduce((sum, { map }) => sum + map.weights.length, 0);
  const bySize = rounds.map((_, i) => i).toSorted((a, b) => size(b) - size(a));
  return [
    ...bySize.map((i): Knob => ({
      name: `weights of ${rounds[i].name}`,
      least: narrowest.weights,
      get: (bits) => bits.weights[i],
      set: (bits, value) => bits.weights[i] = value,
    })),
    {
      name: "input",
      least: narrowest.activations,
      get: (bits) => bits.input,
      set: (bits, value) => bits.input = value,
    },
    ...rounds.slice(0, -1).map((round, i): Knob => ({
      name: `activation of ${round.name}`,
      least: narrowest.activations,
      get: (bits) => bits.activations[i],
      set: (bits, value) => bits.activations[i] = value,
    })),
  ];
}

interface Quality {
  /** Share of right (or agreeing) arg-maxima. */
  accuracy: number;
  /** Relative L2 error of the scores; 0 where labels say what counts. */
  error: number;
}

/** Quality of a choice of widths; rounds before the first change are taken over. */
function qualityMeter(
  network: FloatNetwork,
  statistics: FloatStatistics,
  { calibration, calibrationLabels, inputRange }: CompileOptions,
) {
  const last = network.rounds[network.rounds.length - 1].writes;
  const floatScores = statistics.samples.get(last)!;
  const wanted = calibrationLabels ?? floatScores.map(argMax);
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
    const spec = chooseInput(network, calibration, bits.input, inputRange);
    const rounds = quantiseRounds(
      network,
      statistics,
      quantiseInput(network, calibration, spec),
      bits,
      { earlier },
    );
    known = { key, rounds };
    const scores = realScores(rounds);
    const right = scores.filter((values, i) => argMax(values) === wanted[i]);
    const error = calibrationLabels
      ? 0
      : Math.sqrt(relativeNoise(floatScores, scores));
    return { accuracy: right.length / calibration.length, error };
  };
}
