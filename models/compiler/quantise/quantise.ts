/** Post-training quantisation of a network of rounds, on calibration data. */
import { type FloatNetwork, type FloatRound, givesScores } from "../ir.ts";
import type { QuantisedActivation } from "./activation.ts";
import type { PrescribedQuantisation } from "./prescribed.ts";
import type { FloatStatistics } from "./statistics.ts";
import { type QuantisedRound, quantiseRound, scaleGroups } from "./round.ts";

export interface BitWidths {
  /** Of the reading. */
  input: number;
  /** Of the weights, one a round. */
  weights: number[];
  /** Of the activation that a round writes, one a round; the last is not used. */
  activations: number[];
}

export interface QuantisationOptions {
  /** What training has fixed. */
  prescribed?: PrescribedQuantisation;
  /** Scale activations by powers of two alone, as garbled circuits want it. @default false */
  shiftsOnly?: boolean;
}

/**
 * Quantises the rounds.
 *
 * @param inputs in integers
 * @param options.earlier the first rounds, quantised already
 */
export function quantiseRounds(
  network: FloatNetwork,
  statistics: FloatStatistics,
  inputs: ReadonlyMap<string, QuantisedActivation>,
  bits: BitWidths,
  { earlier = [], prescribed, shiftsOnly = false }: QuantisationOptions & {
    earlier?: QuantisedRound[];
  } = {},
): QuantisedRound[] {
  const activations = new Map(inputs);
  const done = [...earlier];
  for (const { spec, activation } of earlier) {
    activations.set(spec.writes, activation);
  }
  for (let index = done.length; index < network.rounds.length; index++) {
    const round = network.rounds[index];
    const isLast = givesScores(network, round);
    const quantised = quantiseRound(
      round,
      index,
      activations,
      statistics,
      {
        weights: bits.weights[index],
        activation: bits.activations[index],
        shiftsOnly,
      },
      isLast,
      isLast ? 1 : scaleGroups(round, readerChannels(network, round)),
      prescribed?.rounds[index],
    );
    activations.set(round.writes, quantised.activation);
    done.push(quantised);
  }
  return done;
}

/** Channels that the convolutions that read `round` see in what it writes. */
function readerChannels(
  network: FloatNetwork,
  { writes }: FloatRound,
): number[] {
  return network.rounds.flatMap(({ terms }) =>
    terms.flatMap(({ reads, map }) =>
      reads === writes && map.kind === "convolution" ? [map.input[0]] : []
    )
  );
}
