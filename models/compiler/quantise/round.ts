/**
 * Quantising one round, given the integers that it reads.
 *
 * @module
 */
import { gcd } from "../../../sdk/support/numbers.ts";
import type { RoundSpec, Term, WeightTensor } from "../../package/format.ts";
import { toInt32 } from "../../package/int32.ts";
import { accumulatorBound } from "../../package/bounds.ts";
import { convolve } from "../convolve.ts";
import { type FloatRound, type FloatTerm, gridSize } from "../ir.ts";
import { balanceScales, type Channel } from "./balance.ts";
import { accumulators } from "../float_reference.ts";
import { exactPrecision } from "../../simulate/batch_map.ts";
import { multiplyInto } from "../lower/linear_map.ts";
import type { QuantisedActivation } from "./activation.ts";
import { isHomogeneous, movedBlocks, quantiseEdge } from "./gateway_steps.ts";
import { joinBits } from "./joins.ts";
import { givenScale } from "./given.ts";
import type { PrescribedRound } from "./prescribed.ts";
import { blockSpreads, type FloatStatistics, meanOf } from "./statistics.ts";
import {
  chooseScale,
  exactScale,
  roundTerms,
  type ScaledTerm,
  scaleError,
  scaleTerms,
} from "./weights.ts";

export interface RoundBits {
  weights: number;
  /** Of the activation that the round writes. */
  activation: number;
  /** Whether activations are scaled by powers of two alone. */
  shiftsOnly: boolean;
  /** Whether the model itself says the integers; its weights have `givenWeightBits` then. */
  isGiven: boolean;
}

/** A quantised round with what it makes of the calibration data. */
export interface QuantisedRound {
  spec: RoundSpec;
  tensors: Map<string, WeightTensor>;
  /** What the round's steps make; in the last round, the scores. */
  activation: QuantisedActivation;
  /** What its steps keep on the way, by name. */
  kept: ReadonlyMap<string, QuantisedActivation>;
}

/** What a round is quantised by. */
export interface QuantiseRoundOptions {
  /** Number of the round, for names of tensors. */
  index: number;
  /** Integers that earlier rounds made. */
  activations: ReadonlyMap<string, QuantisedActivation>;
  /**
   * Of the network in floating point: biases are corrected so that means agree, and
   * rounding takes account of how inputs vary together.
   */
  statistics: FloatStatistics;
  bits: RoundBits;
  /** Whether the round gives the scores. */
  isLast: boolean;
  /** Bits that tables between joined activations are read by. */
  joinedInputBits: number;
  /** Whether a round reads the activation of that name. */
  isRead: (name: string) => boolean;
  /** Equal blocks of rows, each with its own scale. */
  groups: number;
  /** What training has fixed. */
  prescribed?: PrescribedRound;
}

/** Quantises a round. */
export function quantiseRound(
  given: FloatRound,
  options: QuantiseRoundOptions,
): QuantisedRound {
  const { index, activations, statistics, bits, isLast, groups, prescribed } =
    options;
  const { round, means } = countFromZeros(given, activations, statistics);
  const rows = round.shape[0];
  const rowsPerScale = rows / groups;
  const terms = scaleTerms(round, activations);
  const isFixed = bits.isGiven || prescribed !== undefined;
  const scales = prescribed
    ? new Float64Array(groups).fill(prescribed.accumulatorScale)
    : bits.isGiven
    ? Float64Array.of(givenScale(round, terms, activations))
    : chooseScales(round, terms, options);
  const rowScales = Float64Array.from(
    { length: rows },
    (_, row) => scales[Math.floor(row / rowsPerScale)],
  );
  const weights = roundTerms(
    terms,
    rowScales,
    bits.weights,
    round.terms.map((term) => isFixed ? null : statistics.feedback(term)),
  );
  if (prescribed) checkOnGrid(round, terms, weights, prescribed);
  const bias = integerBias(
    round,
    { weights, rowScales, activations },
    isFixed ? null : means,
  );

  const tensors = new Map<string, WeightTensor>();
  const spec: RoundSpec = {
    name: round.name,
    terms: round.terms.map((term, t) => {
      const name = round.terms.length === 1
        ? `round${index}.weights`
        : `round${index}.weights${t}`;
      tensors.set(name, {
        shape: weightShape(term, rows),
        data: toInt32(weights[t], `the weights of ${round.name}`),
      });
      return termSpec(term, activations.get(term.reads)!, name);
    }),
    outputShape: round.shape,
    bias: `round${index}.bias`,
    bound: 0,
    steps: [],
    writes: round.writes,
  };
  tensors.set(spec.bias, bias);
  spec.bound = accumulatorBound(spec, tensors);

  const integers = integerRound(round, weights, bias);
  const samples = new Map(
    round.terms.map(({ reads }) => [reads, activations.get(reads)!.samples]),
  );
  const { steps, activation, kept } = quantiseEdge(
    round,
    {
      scales,
      bound: spec.bound,
      samples: accumulators(integers, samples, exactPrecision(spec.bound)),
      shiftsOnly: bits.shiftsOnly,
      operands: activations,
      joinedInputBits: options.joinedInputBits,
      keptBits: (name) => options.isRead(name) ? bits.activation : joinBits,
    },
    isLast ? null : prescribed?.requantise ?? bits.activation,
  );
  spec.steps = steps;
  return { spec, tensors, activation, kept };
}

/**
 * The round on activations that count from their zeros: its biases take in what the
 * zeros come to, element by element where padding makes a difference.
 */
function countFromZeros(
  round: FloatRound,
  activations: ReadonlyMap<string, QuantisedActivation>,
  { means }: FloatStatistics,
): { round: FloatRound; means: ReadonlyMap<string, Float64Array> } {
  const bias = Float64Array.from(round.bias);
  const counted = new Map(means);
  for (const term of round.terms) {
    const { zeros } = activations.get(term.reads)!;
    if (zeros === null) continue;
    const { map } = term;
    const length = map.kind === "convolution"
      ? gridSize(map.input)
      : map.columns;
    const constant = Float64Array.from(
      { length },
      (_, i) => zeros[Math.floor(i * zeros.length / length)],
    );
    accumulateTerm(term, map.weights, constant, bias);
    const mean = means.get(term.reads)!;
    counted.set(term.reads, mean.map((value, i) => value - constant[i]));
  }
  return { round: { ...round, bias }, means: counted };
}

/** A scale for each group of rows, of least noise in weights and activation together. */
function chooseScales(
  round: FloatRound,
  terms: ScaledTerm[],
  { groups, bits, statistics: { samples }, isLast }: QuantiseRoundOptions,
): Float64Array {
  const rowsPerScale = round.shape[0] / groups;
  const channels = blockSpreads(samples.get(round.writes) ?? [], groups);
  const levels = 2 ** bits.activation - 1;
  const perGroup = round.bias.length / groups;
  const chosen = channels.map((spread, g): Channel => {
    const rows: [number, number] = [g * rowsPerScale, (g + 1) * rowsPerScale];
    const biases = round.bias.subarray(g * perGroup, (g + 1) * perGroup);
    const bias = largestMagnitude(biases), least = bias / biasReach;
    // Weights that are nothing beside the bias must not take it out of range.
    const wanted = chooseScale(terms, rows, bits.weights) ?? least;
    const isOnlyBias = bias > 0 && wanted <= least;
    return {
      ...spread,
      reach: isOnlyBias ? bias : spread.reach,
      scale: Math.max(wanted, least) || 1,
      isConstant: isOnlyBias || spread.swing * levels < spread.reach,
      exact: (scale) => exactScale(terms, rows, scale),
      weightError: (scale) => scaleError(terms, rows, scale, bits.weights),
    };
  });
  return isLast || groups === 1
    ? Float64Array.from(chosen, ({ scale }) => scale)
    : balanceScales(chosen, levels);
}

/** Largest bias that a scale is chosen for, in its units: corrections still fit above. */
const biasReach = 2 ** 28;

function largestMagnitude(values: Float64Array): number {
  return values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
}

/**
 * Equal blocks of the round's output that may have separate scales: its rows
 * (channels of a convolution), or fewer where pooling or a reader joins elements;
 * one alone where the gateway applies a function that a factor does not pass through.
 *
 * @param readers channels that each reader sees in the result
 */
export function scaleGroups(round: FloatRound, readers: number[]): number {
  if (!round.gateway.every(isHomogeneous)) return 1;
  const pooled = round.gateway.flatMap((step) =>
    "window" in step ? [step.window.input[0]] : []
  );
  const groups = [round.shape[0], ...pooled, ...readers].reduce(gcd);
  const keeps = round.gateway.every((step) =>
    step.op !== "transpose" || movedBlocks(step, groups) !== null
  );
  return keeps ? groups : 1;
}

/** A round's integer weights, the scale of each row, and the integers that it reads. */
interface IntegerWeights {
  weights: Float64Array[];
  rowScales: Float64Array;
  activations: ReadonlyMap<string, QuantisedActivation>;
}

/**
 * Integer biases. Rounding weights shifts the mean of a row; the bias takes that
 * up, so that on the calibration data each channel, or each element where biases differ
 * within a channel, has its floating-point mean
 * (where `floatMeans` are given).
 */
function integerBias(
  round: FloatRound,
  integers: IntegerWeights,
  floatMeans: ReadonlyMap<string, Float64Array> | null,
): WeightTensor {
  const { rowScales } = integers;
  const rows = rowScales.length, area = round.bias.length / rows;
  const perChannel = round.bias.every((b, i) =>
    b === round.bias[Math.floor(i / area) * area]
  );
  const step = perChannel ? area : 1;
  const shifts = floatMeans
    ? meanShifts(round, integers, floatMeans)
    : new Float64Array(round.bias.length);
  const exact = Float64Array.from(
    { length: round.bias.length / step },
    (_, i) => {
      const at = i * step, row = Math.floor(at / area);
      const shift = shifts.subarray(at, at + step)
        .reduce((sum, value) => sum + value, 0) / step;
      return Math.round(round.bias[at] / rowScales[row] + shift);
    },
  );
  return {
    shape: perChannel ? [rows] : round.shape,
    data: toInt32(exact, `the biases of ${round.name}`),
  };
}

/** By how many units the mean of each output fell short in rounding. */
function meanShifts(
  round: FloatRound,
  { weights, rowScales, activations }: IntegerWeights,
  floatMeans: ReadonlyMap<string, Float64Array>,
): Float64Array {
  const wanted = new Float64Array(round.bias.length);
  const got = new Float64Array(round.bias.length);
  round.terms.forEach((term, t) => {
    accumulateTerm(term, term.map.weights, floatMeans.get(term.reads)!, wanted);
    accumulateTerm(
      term,
      weights[t],
      meanOf(activations.get(term.reads)!.samples),
      got,
    );
  });
  const area = wanted.length / rowScales.length;
  return wanted.map((mean, i) =>
    mean / rowScales[Math.floor(i / area)] - got[i]
  );
}

/** @throws {RangeError} where a weight is no integer times the prescribed scale */
function checkOnGrid(
  round: FloatRound,
  terms: ScaledTerm[],
  weights: Float64Array[],
  { accumulatorScale }: PrescribedRound,
): void {
  terms.forEach((term, t) => {
    const off = term.weights.findIndex((w, i) =>
      Math.abs(w / accumulatorScale - weights[t][i]) > 1e-3
    );
    if (off < 0) return;
    throw new RangeError(
      `Cannot use quantisation: weight ${off} of ${round.name} is no multiple of its scale; the file belongs to another model`,
    );
  });
}

function accumulateTerm(
  { map }: FloatTerm,
  weights: Float64Array,
  x: ArrayLike<number>,
  out: Float64Array,
): void {
  if (map.kind === "convolution") convolve({ ...map, weights }, x, out);
  else multiplyInto({ ...map, weights }, x, out);
}

/** The round with integers for weights and biases: exact in doubles. */
function integerRound(
  round: FloatRound,
  weights: Float64Array[],
  { data }: WeightTensor,
): FloatRound {
  const perBias = round.bias.length / data.length;
  return {
    ...round,
    bias: round.bias.map((_, i) => data[Math.floor(i / perBias)]),
    terms: round.terms.map((term, t) => ({
      ...term,
      map: { ...term.map, weights: weights[t] },
    })),
  };
}

function weightShape({ map }: FloatTerm, rows: number): number[] {
  return map.kind === "matrix"
    ? [rows, map.columns]
    : [rows, map.input[0] / map.groups, ...map.kernel];
}

function termSpec(
  { reads, map }: FloatTerm,
  { low, high }: QuantisedActivation,
  weights: string,
): Term {
  if (map.kind === "matrix") {
    return { kind: "dense", reads, length: map.columns, low, high, weights };
  }
  const { input, kernel, stride, dilation, pads, groups } = map;
  return {
    kind: "convolution",
    reads,
    inputShape: input,
    low,
    high,
    weights,
    kernel,
    stride,
    dilation,
    pads,
    groups,
  };
}
