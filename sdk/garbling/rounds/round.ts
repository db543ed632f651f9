/**
 * A sealed round: its garbled call, made by both sides from the plan alone.
 *
 * @module
 */
import { elementCount } from "../../fixed_point/integer_tensor.ts";
import { CipherlayerError } from "../../support/errors.ts";
import { writersOf } from "../../wire/dataflow.ts";
import type { InferencePlan, RoundPlan } from "../../wire/plan.ts";
import { Circuit } from "../circuit.ts";
import { argMax } from "../circuits/activations.ts";
import { valueOf } from "../circuits/integers.ts";
import { circuitDigest } from "../digest.ts";
import { prune } from "../prune.ts";
import { type ChosenBits, unmaskStage } from "./answers.ts";
import type { BuildBudget } from "./build_budget.ts";
import {
  type InputPlace,
  type Reader,
  readerOf,
  type Shares,
  sharesFor,
} from "./plaintexts.ts";
import { chunkRule } from "./run.ts";
import { roundingOf } from "./simplify.ts";
import type { Stage } from "./stage.ts";
import { bitsOf, type Elements, stepStages } from "./steps.ts";

/** A round's plan, with how wide its accumulators are. */
export interface SealedRoundPlan extends RoundPlan {
  /** Bits of two's complement: |accumulator + rounding| < 2^(valueBits - 1), as {@linkcode roundingOf} adds. */
  valueBits: number;
}

/** A plan whose activations are garbled. What it reveals is the label. */
export interface SealedPlan extends InferencePlan {
  rounds: SealedRoundPlan[];
}

/** The garbled call of a round. */
export interface SealedRound {
  chosen: ChosenBits;
  stages: Stage[];
  /** How elements are revealed; null in the last round, which reveals labels. */
  shares: Shares | null;
  /** Inputs of later rounds that they go into. */
  readers: Reader[];
  /** Covers gates, lanes, sources and chunks: two builds that differ share no salt. */
  digest: Uint8Array;
}

/**
 * Builds a round's circuits in steps.
 *
 * @param places of the inputs that read what the round writes, as {@linkcode readersOf} finds
 * @throws {CipherlayerError} `unsupported` if the round has a step without a circuit, or
 * is the last and has no two labels, or the budget is spent
 */
export function* sealedRound(
  { rounds }: SealedPlan,
  index: number,
  places: readonly InputPlace[],
  budget: BuildBudget,
): Generator<void, SealedRound> {
  const { layout, valueBits, steps } = rounds[index];
  const unmasked = unmaskStage(layout, valueBits);
  yield;
  const rounding = roundingOf(steps, valueBits);
  const stepped = stepStages(steps, unmasked.elements, rounding, budget);
  yield;
  const isLast = index === rounds.length - 1;
  const readers = places.map((place) =>
    readerOf(rounds[place.round].layout, place)
  );
  const { elements } = stepped;
  const count = elements.samples * elementCount(elements.shape);
  const { shares, stage } = isLast
    ? { shares: null, stage: labelStage(elements) }
    : sharesFor(readers, { ...elements, count });
  const stages = [unmasked.stage, ...stepped.stages, stage];
  for (const { circuit, lanes } of [...unmasked.stage.parts, ...stage.parts]) {
    budget.spend("gates", circuit.gates.length);
    budget.spend("laneGates", circuit.gates.length * lanes);
  }
  const { chosen } = unmasked;
  yield;
  const digest = digestOf(chosen, stages);
  return { chosen, stages, shares, readers, digest };
}

/**
 * Shards that a round's garbled call is asked for in: labels are not worth cutting, and are
 * told by one call alone.
 */
export const garbledShards = (
  { rounds }: InferencePlan,
  index: number,
): number => index === rounds.length - 1 ? 1 : rounds[index].shards;

/** For each round, the inputs of later rounds that read what it writes. */
export function readersOf(plan: InferencePlan): InputPlace[][] {
  const places: InputPlace[][] = plan.rounds.map(() => []);
  for (const [round, writers] of writersOf(plan).entries()) {
    for (const [input, writer] of writers.entries()) {
      if (writer >= 0) places[writer].push({ round, input });
    }
  }
  return places;
}

/** The number of the first of the largest, for each sample. */
function labelStage(elements: Elements): Stage {
  const { samples, low, high } = elements, count = elementCount(elements.shape);
  if (count < 2) {
    throw new CipherlayerError(
      "unsupported",
      `Cannot seal a model: expected 2 labels or more, got ${count}`,
    );
  }
  const circuit = new Circuit(), operandBits = bitsOf(elements);
  const values = Array.from(
    { length: count },
    () => valueOf(circuit.word(operandBits), low, high),
  );
  circuit.output(...argMax(circuit, values));
  const operands = values.map((_, i) =>
    Int32Array.from({ length: samples }, (_, sample) => sample * count + i)
  );
  const part = {
    circuit: prune(circuit),
    lanes: samples,
    operands,
    results: [],
    known: null,
  };
  return { operandBits, parts: [part], elements: null };
}

function digestOf(chosen: ChosenBits, stages: readonly Stage[]): Uint8Array {
  const places = [
    Int32Array.of(chunkRule.lanes, chunkRule.bytes),
    chosen.answer,
    chosen.bit,
    ...stages.flatMap(({ operandBits, elements, parts }) => [
      Int32Array.of(operandBits, elements?.count ?? 0, elements?.bits ?? 0),
      ...parts.flatMap(({ operands, results, known }) => [
        ...operands,
        ...results,
        ...known?.kind === "answer"
          ? [known.answer, known.from]
          : known
          ? [known.element]
          : [],
      ]),
    ]),
  ];
  return circuitDigest(stages.flatMap(({ parts }) => parts), places);
}
