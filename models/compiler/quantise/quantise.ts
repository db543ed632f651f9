/** Post-training quantisation of a network of rounds, on calibration data. */
import type { InputSpec } from "../../../sdk/wire/plan.ts";
import type { FloatNetwork, FloatRound } from "../ir.ts";
import type { QuantisedActivation } from "./activation.ts";
import type { PrescribedQuantisation } from "./prescribed.ts";
import { integerBounds, rangeMargin } from "./range.ts";
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

/** How readings become integers: the range seen in calibration, or the one given. */
export function chooseInput(
  network: FloatNetwork,
  readings: ArrayLike<number>[],
  bits: number,
  range?: [min: number, max: number],
): InputSpec {
  const { gain, offset, shape } = network.input;
  // An integer 0 must stand for an activation of 0: padding is made of zeros.
  const zero = 0 - offset / gain;
  const [min, max] = range ?? extremeReadings(readings, bits);
  const [below, above] = [Math.min(0, min - zero), Math.max(0, max - zero)];
  const { low, high } = integerBounds(below, above, bits);
  const scale = Math.max(above / high, low < 0 ? below / low : 0) || 1;
  return { shape, scale, offset: zero, low, high };
}

/**
 * Least and most reading. An extreme that occurs once may be passed in use and gets
 * a margin; one that recurs is the sensor's own limit.
 */
function extremeReadings(
  readings: ArrayLike<number>[],
  bits: number,
): [min: number, max: number] {
  let min = Infinity, max = -Infinity, leasts = 0, mosts = 0;
  for (const reading of readings) {
    for (let i = 0; i < reading.length; i++) {
      const value = reading[i];
      if (value < min) [min, leasts] = [value, 0];
      if (value > max) [max, mosts] = [value, 0];
      if (value === min) leasts++;
      if (value === max) mosts++;
    }
  }
  const count = readings.length * readings[0].length;
  const extra = (max - min) / 2 * (rangeMargin(bits, count) - 1);
  return [
    leasts > 1 ? min : min - extra,
    mosts > 1 ? max : max + extra,
  ];
}

/** The calibration readings in integers. */
export function quantiseInput(
  network: FloatNetwork,
  readings: ArrayLike<number>[],
  { scale, offset, low, high }: InputSpec,
): QuantisedActivation {
  return {
    low,
    high,
    scales: Float64Array.of(scale * network.input.gain),
    samples: readings.map((reading) =>
      Float64Array.from(reading, (x) => {
        const q = Math.round((x - offset) / scale);
        return Math.min(Math.max(q, low), high) + 0;
      })
    ),
  };
}

/**
 * Quantises the rounds.
 *
 * @param options.earlier the first rounds, quantised already
 * @param options.prescribed what training has fixed
 */
export function quantiseRounds(
  network: FloatNetwork,
  statistics: FloatStatistics,
  input: QuantisedActivation,
  bits: BitWidths,
  { earlier = [], prescribed }: {
    earlier?: QuantisedRound[];
    prescribed?: PrescribedQuantisation;
  } = {},
): QuantisedRound[] {
  const activations = new Map([["input", input]]);
  const done = [...earlier];
  for (const { spec, activation } of earlier) {
    activations.set(spec.writes, activation);
  }
  for (let index = done.length; index < network.rounds.length; index++) {
    const round = network.rounds[index];
    const isLast = index === network.rounds.length - 1;
    const quantised = quantiseRound(
      round,
      index,
      activations,
      statistics,
      { weights: bits.weights[index], activation: bits.activations[index] },
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
