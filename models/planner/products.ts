/**
 * The cloud's work for a layout, counted without evaluating anything.
 *
 * @module
 */
import { elementCount } from "../../sdk/fixed_point/integer_tensor.ts";
import {
  answerCiphertexts,
  blockSlots,
  foldOf,
  inputCiphertexts,
  outputValues,
} from "../../sdk/fixed_point/layout.ts";
import type { RoundLayout } from "../../sdk/wire/plan.ts";
import type { RoundSpec, Term } from "../package/format.ts";
import { candidates, type Strategy } from "./strategy.ts";
import type { WeightProfile } from "./weight_profile.ts";

/**
 * How the sums of an answer get to their slots: computed one by one and packed by
 * squarings of the sums (Horner), or computed in place from operands that are
 * shifted by squarings, one pass for each place in an answer. The latter is cheaper
 * where operands are fewer than answers.
 */
export type Packing = "shift-outputs" | "shift-operands";

/** Counts of kernel operations. */
export interface Products {
  multiplications: number;
  squarings: number;
}

/** A way to evaluate a call, and what it takes without re-randomisation. */
export interface Method {
  strategy: Strategy;
  packing: Packing;
  products: Products;
}

/** Cost of a square, in products. */
const squareCost = 0.77;
/** Registers that buckets may take. */
const maxBuckets = 1 << 15;

/** Cost in products. */
export function costOf({ multiplications, squarings }: Products): number {
  return multiplications + squareCost * squarings;
}

/**
 * The cheapest way to evaluate `answers` answers of a round. The functions evaluate
 * by it, and the planner compares layouts by what it costs.
 *
 * @param profiles one for each term
 */
export function cheapestMethod(
  round: RoundSpec,
  layout: RoundLayout,
  answers: number,
  profiles: readonly WeightProfile[],
): Method {
  const call = callShape(round, layout, answers, profiles);
  const largest = Math.max(...profiles.map((profile) => profile.largest));
  let best: Method | null = null, min = Infinity;
  for (const strategy of candidates(largest)) {
    for (const packing of ["shift-outputs", "shift-operands"] as const) {
      const products = countProducts(call, strategy, packing);
      const cost = products === null ? Infinity : costOf(products);
      if (products === null || cost >= min) continue;
      best = { strategy, packing, products };
      min = cost;
    }
  }
  return best!;
}

/** Tables of one term that are alike. */
interface TableShape {
  profile: WeightProfile;
  /** Inputs that may be joined, and how many times there are as many. */
  inputs: number;
  sets: number;
  /** Outputs and taps that look up one table, of those that are asked for. */
  rows: number;
}

interface CallShape {
  operands: number;
  answers: number;
  sumsPerAnswer: number;
  /** Sums that are asked for. */
  sums: number;
  /** Squarings from one sum of an answer to the next. */
  strideBits: number;
  tables: TableShape[];
}

function callShape(
  round: RoundSpec,
  layout: RoundLayout,
  answers: number,
  profiles: readonly WeightProfile[],
): CallShape {
  const fold = foldOf(layout), allAnswers = answerCiphertexts(layout);
  const share = answers / allAnswers;
  const sums = outputValues(layout) * fold * share;
  return {
    operands: inputCiphertexts(layout),
    answers,
    sumsPerAnswer: layout.valuesPerCiphertext * fold,
    sums,
    strideBits: blockSlots(layout) / fold * layout.slotBits,
    tables: round.terms.map((term, t) => {
      const { inputs, sets } = tableSets(term, layout, t);
      const lookUps = sums / fold * fanIn(term);
      return {
        profile: profiles[t],
        inputs,
        sets,
        // Nothing where every window lies in the padding.
        rows: sets === 0 ? 0 : lookUps / (inputs * sets),
      };
    }),
  };
}

function tableSets(
  term: Term,
  layout: RoundLayout,
  index: number,
): { inputs: number; sets: number } {
  if (term.kind === "dense") {
    return { inputs: term.length / foldOf(layout), sets: 1 };
  }
  const input = layout.inputs[index];
  return {
    inputs: term.inputShape[0] / term.groups,
    sets: term.groups * ("offsets" in input ? input.offsets.length : 1),
  };
}

function countProducts(
  call: CallShape,
  strategy: Strategy,
  packing: Packing,
): Products | null {
  const { planes, halfRange, groupSize, buckets } = strategy;
  const shiftOutputs = packing === "shift-outputs";
  const targets = shiftOutputs ? call.sums : call.answers;
  const classes = buckets ? halfRange : 1;
  if (buckets && targets * planes * 2 * classes > maxBuckets) return null;
  const passes = shiftOutputs ? 1 : call.sumsPerAnswer;

  let multiplications = 0;
  for (const { profile, inputs, sets, rows } of call.tables) {
    const tables = Math.ceil(inputs / groupSize) * sets;
    const { build, lookUps } = profile.tableCosts(strategy, rows / passes);
    multiplications += tables * (passes * build + rows * lookUps);
  }
  // Each pass checks or inverts the operands.
  multiplications += call.operands *
    (groupSize > 1 ? 3 * passes : 1);
  // Planes are raised to the base and joined, buckets to their digits; then
  // numerators are divided by denominators.
  const exponent = (2 * halfRange + 1).toString(2).slice(1);
  const raised = 2 * targets * (planes - 1);
  multiplications += raised * exponent.replaceAll("0", "").length + raised;
  if (buckets) multiplications += 4 * targets * planes * halfRange;
  multiplications += 4 * targets;
  let squarings = raised * exponent.length;
  if (shiftOutputs) {
    multiplications += call.sums - call.answers;
    squarings += (call.sums - call.answers) * call.strideBits;
  } else {
    squarings += call.operands * (passes - 1) * call.strideBits;
  }
  return { multiplications, squarings };
}

function fanIn(term: Term): number {
  return term.kind === "dense"
    ? term.length
    : term.inputShape[0] / term.groups * elementCount(term.kernel);
}
