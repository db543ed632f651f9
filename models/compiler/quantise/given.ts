/**
 * Rounds of quantised models: the integers that they write are given, so that nothing is
 * calibrated. Their weights lie on a grid, which is found again, or get as many bits as
 * keep what they round away below a small part of a step.
 *
 * @module
 */
import { elementCount } from "../../../sdk/fixed_point/integer_tensor.ts";
import {
  type FloatNetwork,
  type FloatRound,
  givesScores,
  roundsToScale,
} from "../ir.ts";
import type { QuantisedActivation } from "./activation.ts";
import type { BitWidths } from "./quantise.ts";
import type { QuantisedRound } from "./round.ts";
import { type ScaledTerm, weightLimit } from "./weights.ts";

/** Bits of the weights that a given round may use. */
export const givenWeightBits = 16;

/** Multiples that count as whole, and the largest that is looked for. */
const tolerance = 1e-3, maxMultiple = weightLimit(givenWeightBits);

/** Noise of a round, in steps of what it writes. */
const maxNoise = 1e-3;

/** Random readings that a model is tried on. */
const triedReadings = 8;

/** Share of the scores' reach that counts as a step where they are not rounded. */
const scoreStep = 2 ** -12;

/** The rounds whose integers the model itself says. */
export function givenRounds(
  network: FloatNetwork,
): ReadonlySet<FloatRound> {
  const activations = new Set(
    network.inputs.filter(({ grid }) => grid).map(({ name }) => name),
  );
  const given = new Set<FloatRound>();
  for (const round of network.rounds) {
    const rounds = round.edge.some(roundsToScale);
    if (rounds) activations.add(round.writes);
    const ends = givesScores(network, round) &&
      round.terms.every(({ reads }) => activations.has(reads));
    if (rounds || ends) given.add(round);
  }
  return given;
}

/** Whether nothing is left to calibrate. */
export function isGiven(network: FloatNetwork): boolean {
  return network.inputs.every(({ grid }) => grid !== null) &&
    givenRounds(network).size === network.rounds.length;
}

/** Readings to try such a model on: of each input, multiples of its scale at random. */
export function readingsWithin({ inputs }: FloatNetwork): Float64Array[] {
  let state = 1;
  // Park and Miller's numbers, the same at every compile.
  const random = () => (state = state * 48271 % 2147483647) / 2147483647;
  return Array.from(
    { length: triedReadings },
    () =>
      Float64Array.from(inputs.flatMap(({ shape, grid, gain, offset }) => {
        const { low, high, scale } = grid!;
        return Array.from({ length: elementCount(shape) }, () => {
          const integer = low + Math.floor(random() * (high - low + 1));
          return (integer * scale - offset) / gain;
        });
      })),
  );
}

/** The widths asked for, and of what is given those that there are. */
export function usedBits(
  network: FloatNetwork,
  asked: BitWidths,
  rounds: readonly QuantisedRound[],
): BitWidths {
  const given = givenRounds(network);
  const used = (widths: number[], width: (round: QuantisedRound) => number) =>
    widths.map((bits, i) =>
      given.has(network.rounds[i]) ? width(rounds[i]) : bits
    );
  const [{ grid }] = network.inputs;
  return {
    input: grid ? widthOf(grid.low, grid.high) : asked.input,
    weights: used(asked.weights, ({ spec, tensors }) => {
      const limit = spec.terms.reduce(
        (max, { weights }) =>
          tensors.get(weights)!.data.reduce(
            (max, w) => Math.max(max, Math.abs(w)),
            max,
          ),
        0,
      );
      return widthOf(-limit, limit);
    }),
    activations: used(
      asked.activations,
      ({ activation: { low, high } }) => widthOf(low, high),
    ),
  };
}

function widthOf(low: number, high: number): number {
  return Math.ceil(Math.log2(high - low + 1));
}

/**
 * One scale for all weights of a given round.
 *
 * @param terms weights in units of the integers that they meet
 * @param bias real
 */
export function givenScale(
  round: FloatRound,
  terms: readonly ScaledTerm[],
  activations: ReadonlyMap<string, QuantisedActivation>,
): number {
  const weights = terms.flatMap(({ weights }) => [weights]);
  const largest = Math.max(...weights.map(magnitude));
  const first = commonStep(weights) ?? largest / weightLimit(8);
  if (!(first > 0)) return magnitude(round.bias) / 2 ** 24 || 1;
  const max = maxNoise * stepOf(round, terms, activations);
  const floor = Math.max(
    largest / maxMultiple,
    magnitude(round.bias) / 2 ** 30,
  );
  let scale = first;
  while (
    scale / 2 >= floor && noiseAt(scale, round, terms, activations) > max
  ) scale /= 2;
  return Math.max(scale, floor);
}

/** Real size of a step of what the round writes. */
function stepOf(
  { edge, bias }: FloatRound,
  terms: readonly ScaledTerm[],
  activations: ReadonlyMap<string, QuantisedActivation>,
): number {
  const step = edge.find(roundsToScale);
  if (step) return step.scale;
  const reach = [...activations.values()].reduce(
    (max, { low, high }) => Math.max(max, -low, high),
    1,
  );
  return scoreStep *
    (magnitude(bias) +
      reach * Math.max(...terms.map((t) => magnitude(t.weights))));
}

/** Root mean square, at least, of what the worst row rounds away, in real units. */
function noiseAt(
  scale: number,
  { bias, shape, terms: maps }: FloatRound,
  terms: readonly ScaledTerm[],
  activations: ReadonlyMap<string, QuantisedActivation>,
): number {
  const [rows] = shape, area = bias.length / rows;
  const noise = new Float64Array(rows);
  terms.forEach(({ weights, rowLength }, t) => {
    const energy = meanSquare(activations.get(maps[t].reads)!);
    weights.forEach((weight, i) => {
      noise[Math.floor(i / rowLength)] += energy * missed(weight, scale) ** 2;
    });
  });
  bias.forEach((b, i) => {
    const row = Math.floor(i / area), error = missed(b, scale) ** 2;
    noise[row] += error / area;
  });
  return Math.sqrt(noise.reduce((max, value) => Math.max(max, value), 0));
}

function missed(value: number, scale: number): number {
  return value - scale * Math.round(value / scale);
}

/** Of integers that take all values of their range alike. */
function meanSquare({ low, high }: QuantisedActivation): number {
  return high > low ? (high ** 3 - low ** 3) / (3 * (high - low)) : high * high;
}

/** The largest number of which all are whole multiples, not too large; null where there is none. */
export function commonStep(lists: readonly Float64Array[]): number | null {
  let step = 0;
  const max = Math.max(...lists.map(magnitude));
  for (const list of lists) {
    for (const value of list) {
      step = commonDivisor(step, Math.abs(value));
      if (step > 0 && step * maxMultiple < max) return null;
    }
  }
  if (step === 0) return null;
  // The mean of what all of them say.
  let product = 0, square = 0;
  for (const list of lists) {
    for (const value of list) {
      const multiple = Math.round(value / step);
      product += value * multiple;
      square += multiple * multiple;
    }
  }
  const refined = product / square;
  const isWhole = lists.every((list) =>
    list.every((value) => {
      const multiple = value / refined;
      return Math.abs(multiple - Math.round(multiple)) < tolerance;
    })
  );
  return isWhole ? refined : null;
}

/** Euclid's, of real numbers. */
function commonDivisor(left: number, right: number): number {
  let a = Math.max(left, right), b = Math.min(left, right);
  while (b > Math.max(left, right) / maxMultiple / 2) {
    const rest = Math.abs(a - b * Math.round(a / b));
    // Single precision blurs what is left of large multiples.
    if (rest < b / 20) return b;
    [a, b] = [b, rest];
  }
  return a;
}

function magnitude(values: Float64Array): number {
  return values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
}
