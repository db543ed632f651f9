/**
 * Post-training quantisation of a network of rounds, on calibration data.
 *
 * @module
 */
import {
  type FloatNetwork,
  type FloatRound,
  givesScores,
  operandOf,
} from "../ir.ts";
import type { QuantisedActivation } from "./activation.ts";
import { joinedInputBits } from "./joins.ts";
import { givenRounds, givenWeightBits } from "./given.ts";
import type { PrescribedQuantisation } from "./prescribed.ts";
import { blockSpreads, type FloatStatistics } from "./statistics.ts";
import { type QuantisedRound, quantiseRound, scaleGroups } from "./round.ts";

export interface BitWidths {
  /** Of the reading. */
  input: number;
  /** Of the weights, one a round. */
  weights: number[];
  /** Of the activation that a round writes, one a round; the last is not used. */
  activations: number[];
}

/** What rounds are quantised by. */
export interface QuantiseRoundsOptions {
  statistics: FloatStatistics;
  /** In integers. */
  inputs: ReadonlyMap<string, QuantisedActivation>;
  bits: BitWidths;
  /**
   * The first rounds, quantised already.
   *
   * @default []
   */
  earlier?: QuantisedRound[];
  /** What training has fixed. */
  prescribed?: PrescribedQuantisation;
  /**
   * Scale activations by powers of two alone, as garbled circuits want it.
   *
   * @default false
   */
  shiftsOnly?: boolean;
  /**
   * Whether scores of other ranges may have separate scales: not where the largest
   * counts.
   *
   * @default false
   */
  scoresApart?: boolean;
}

/** Ranges of scores that differ by more get separate scales. */
const maxRatio = 4;

/** Quantises the rounds. */
export function quantiseRounds(
  network: FloatNetwork,
  {
    statistics,
    inputs,
    bits,
    earlier = [],
    prescribed,
    shiftsOnly = false,
    scoresApart = false,
  }: QuantiseRoundsOptions,
): QuantisedRound[] {
  const activations = new Map(inputs);
  const done = [...earlier];
  const add = ({ spec, activation, kept }: QuantisedRound) => {
    activations.set(spec.writes, activation);
    for (const [name, values] of kept) activations.set(name, values);
  };
  earlier.forEach(add);
  const reads = new Set(
    network.rounds.flatMap(({ terms }) => terms.map(({ reads }) => reads)),
  );
  const operands = new Set(
    network.rounds.flatMap(({ gateway }) => gateway.map(operandOf)),
  );
  const given = givenRounds(network), tableBits = joinedInputBits(network);
  for (let index = done.length; index < network.rounds.length; index++) {
    const round = network.rounds[index];
    const isLast = givesScores(network, round), isGiven = given.has(round);
    const quantised = quantiseRound(round, {
      index,
      activations,
      statistics,
      bits: {
        weights: isGiven ? givenWeightBits : bits.weights[index],
        activation: bits.activations[index],
        isGiven,
        shiftsOnly,
      },
      isLast,
      joinedInputBits: tableBits,
      isRead: (name) => reads.has(name),
      groups: isGiven || operands.has(round.writes)
        ? 1
        : isLast
        ? scoresApart ? scoreGroups(round, statistics) : 1
        : scaleGroups(round, readerChannels(network, round)),
      prescribed: prescribed?.rounds[index],
    });
    add(quantised);
    done.push(quantised);
  }
  return done;
}

/** Blocks of scores with separate scales: all, where their ranges differ much. */
function scoreGroups(
  round: FloatRound,
  { samples }: FloatStatistics,
): number {
  const groups = scaleGroups(round, []);
  const reaches = blockSpreads(samples.get(round.writes) ?? [], groups)
    .map(({ reach }) => reach).filter((reach) => reach > 0);
  const differ = Math.max(...reaches) > maxRatio * Math.min(...reaches);
  return differ ? groups : 1;
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
