import { type RoundLayout } from "../../sdk/wire/plan.ts";
import { Accumulators } from "./accumulators.ts";
import {
  expressible,
  inputGroups,
  jointDigits,
  type Strategy,
  tableEntries,
  type WeightDigits,
  weightDigits,
} from "./digits.ts";
import type { LinearMap, LinearTerm } from "./linear_map.ts";
import { strideBits, sumsPerAnswer } from "./pack.ts";
import { JointTable } from "./table.ts";

/**
 * How the sums of an answer get to their slots: computed one by one and packed
 * by squarings of the outputs (Horner), or computed in place from operands that
 * are shifted by squarings, one pass for each place in an answer. The latter is
 * cheaper where operands are fewer than answers.
 */
export type Packing = "shift-outputs" | "shift-operands";

export interface Method {
  strategy: Strategy;
  packing: Packing;
  /** Predicted cost of the call without re-randomisation, in products. */
  products: number;
}

/** Cost of a square, in products. */
const squareCost = 0.77;
/** More would leave the processor's caches, for no fewer products in practice. */
const mostTableEntries = 1100;
const mostPlanes = 6;
/** Registers that buckets may take. */
const mostBuckets = 1 << 15;
const widestBuckets = 255;
const widestTables = 2047;
/** Groups at one position that are counted for each term; the rest are taken to be alike. */
const sampledPairs = 48;
const goldenRatio = 0.6180339887498949;

/**
 * The cheapest way to evaluate `answers` answers of a round: counts table entries
 * and look-ups of every candidate on a sample of the actual weights.
 */
export function chooseMethod(
  map: LinearMap,
  layout: RoundLayout,
  answers: number,
): Method {
  let best: Method | null = null;
  let digits: WeightDigits[] = [], digitsOf: Strategy | null = null;
  for (const strategy of candidates(largestWeight(map))) {
    if (
      strategy.planes !== digitsOf?.planes ||
      strategy.halfRange !== digitsOf.halfRange
    ) {
      digits = map.terms.map((term) => weightDigits(term, strategy));
      digitsOf = strategy;
    }
    const counts = countProducts(map, strategy, digits);
    for (const packing of ["shift-outputs", "shift-operands"] as const) {
      const products = cost(map, layout, answers, strategy, packing, counts);
      if (best === null || products < best.products) {
        best = { strategy, packing, products };
      }
    }
  }
  return best!;
}

/** Largest |weight| of the map, at least 1. */
export function largestWeight(map: LinearMap): number {
  let largest = 1;
  for (const term of map.terms) {
    for (const weight of term.weights) {
      if (weight > largest) largest = weight;
      else if (-weight > largest) largest = -weight;
    }
  }
  return largest;
}

/** Strategies that express weights up to `largest` with tables of bounded size. */
export function* candidates(largest: number): Generator<Strategy> {
  for (let planes = 1; planes <= mostPlanes; planes++) {
    const root = (2 * largest + 1) ** (1 / planes);
    let halfRange = Math.max(1, Math.floor((root - 1) / 2));
    while (expressible(planes, halfRange) < largest) halfRange++;
    if (halfRange <= widestBuckets) {
      yield { planes, halfRange, groupSize: 1, buckets: true };
    }
    for (let groupSize = 1; halfRange <= widestTables; groupSize++) {
      const strategy = { planes, halfRange, groupSize, buckets: false };
      if (groupSize > 1 && tableEntries(strategy) > mostTableEntries) break;
      yield strategy;
    }
    if (halfRange === 1) break;
  }
}

interface Counts {
  /** Products that build the tables of one pass. */
  tables: number;
  lookUps: number;
}

function countProducts(
  map: LinearMap,
  strategy: Strategy,
  weights: readonly WeightDigits[],
): Counts {
  const table = new JointTable(strategy, 0);
  const total: Counts = { tables: 0, lookUps: 0 };
  for (const [t, term] of map.terms.entries()) {
    const groups = inputGroups(term, strategy.groupSize);
    const pairs = groups * term.positions;
    const sampled = Math.min(pairs, sampledPairs);
    let tables = 0, lookUps = 0;
    for (let i = 0; i < sampled; i++) {
      const group = Math.floor(i * groups / sampled);
      // All of them where there are few, else spread evenly and out of step.
      const position = sampled === pairs
        ? i % term.positions
        : Math.floor((i * goldenRatio % 1) * term.positions);
      const digits = jointDigits(term, strategy, weights[t], group, null);
      table.clear();
      lookUps += wantAll(term, strategy, digits, position, table);
      tables += table.close();
    }
    total.tables += tables * pairs / sampled;
    total.lookUps += lookUps * pairs / sampled;
  }
  if (strategy.buckets) total.tables = 0;
  return total;
}

function wantAll(
  term: LinearTerm,
  strategy: Strategy,
  digits: Int16Array,
  position: number,
  table: JointTable,
): number {
  const outputs = term.channels / term.groups;
  let lookUps = 0;
  for (const { tap } of term.uses[position]) {
    for (let plane = 0; plane < strategy.planes; plane++) {
      const row = (plane * term.taps + tap) * outputs;
      for (let output = 0; output < outputs; output++) {
        const joint = digits[row + output];
        if (joint === 0) continue;
        table.want(joint);
        lookUps++;
      }
    }
  }
  return lookUps;
}

function cost(
  map: LinearMap,
  layout: RoundLayout,
  answers: number,
  strategy: Strategy,
  packing: Packing,
  counts: Counts,
): number {
  const { planes, halfRange, groupSize, buckets } = strategy;
  const perAnswer = sumsPerAnswer(layout);
  const allSums = map.values * map.fold;
  const sums = Math.min(allSums, answers * perAnswer);
  const shiftOutputs = packing === "shift-outputs";
  const passes = shiftOutputs ? 1 : perAnswer;
  const targets = shiftOutputs ? sums : answers;
  if (buckets && Accumulators.registers(strategy, targets) > mostBuckets) {
    return Infinity;
  }
  const shift = strideBits(layout) * squareCost;
  const bits = (2 * halfRange + 1).toString(2).slice(1);
  const raise = bits.length * squareCost + bits.replaceAll("0", "").length + 1;
  return passes * counts.tables + counts.lookUps * sums / allSums +
    2 * targets * (planes - 1) * raise +
    (buckets ? 4 * targets * planes * halfRange : 0) +
    (groupSize > 1 ? 3 * passes * map.operands : 0) + 4 * targets +
    shift *
      (shiftOutputs ? sums - answers : map.operands * (perAnswer - 1));
}
