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
import { argMax, realScores } from "./report.ts";
import type { QuantisedRound } from "./round.ts";

/** Widths to begin with, and the least that the search goes to. */
const widest = { weights: 8, activations: 8 };
const narrowest = { weights: 2, activations: 4 };

/**
 * Greedy search: from 8 bits everywhere, lowers one width after another, the most
 * costly weights first, as long as accuracy on the calibration readings (against
 * their labels, else against the float model) falls by no more than
 * `maxAccuracyLoss` percentage points in all.
 */
export function chooseBits(
  network: FloatNetwork,
  statistics: FloatStatistics,
  options: CompileOptions,
): BitWidths {
  const count = network.rounds.length;
  const bits: BitWidths = {
    input: widest.activations,
    weights: Array(count).fill(widest.weights),
    activations: Array(count).fill(widest.activations),
  };
  const accuracy = accuracyMeter(network, statistics, options);
  const floor = accuracy(bits) - (options.maxAccuracyLoss ?? .02) / 100;

  for (const knob of knobs(network)) {
    while (knob.get(bits) > knob.least) {
      knob.set(bits, knob.get(bits) - 1);
      const reached = accuracy(bits);
      if (reached < floor) {
        knob.set(bits, knob.get(bits) + 1);
        break;
      }
      options.onProgress?.(
        `${knob.name}: ${knob.get(bits)} bits (accuracy ${
          (100 * reached).toFixed(2)
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

/** Accuracy of a choice of widths; rounds before the change are taken over. */
function accuracyMeter(
  network: FloatNetwork,
  statistics: FloatStatistics,
  { calibration, calibrationLabels, inputRange }: CompileOptions,
) {
  const last = network.rounds[network.rounds.length - 1].writes;
  const wanted = calibrationLabels ??
    statistics.samples.get(last)!.map((scores) => argMax(scores));
  let known: { key: string[]; rounds: QuantisedRound[] } = {
    key: [],
    rounds: [],
  };
  return (bits: BitWidths): number => {
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
    const right = realScores(rounds).filter((scores, i) =>
      argMax(scores) === wanted[i]
    );
    return right.length / calibration.length;
  };
}
