/**
 * A sealed round: its garbled call, made by both sides from the plan alone.
 *
 * @module
 */
import { elementCount } from "../../fixed_point/integer_tensor.ts";
import { CipherlayerError } from "../../support/errors.ts";
import type { InferencePlan, RoundPlan } from "../../wire/plan.ts";
import { Circuit } from "../circuit.ts";
import { argMax } from "../circuits/activations.ts";
import { valueOf } from "../circuits/integers.ts";
import { circuitDigest } from "../digest.ts";
import { prune } from "../prune.ts";
import { type ChosenBits, unmaskStage } from "./answers.ts";
import { type Reader, sharePart } from "./plaintexts.ts";
import { chunkRule } from "./run.ts";
import { roundingOf } from "./simplify.ts";
import type { Part, Stage } from "./stage.ts";
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
  /** Inputs of later rounds that it makes; none in the last round, which tells labels. */
  readers: Reader[];
  /** Covers gates, lanes, sources and chunks: two builds that differ share no salt. */
  digest: Uint8Array;
}

/**
 * @throws {CipherlayerError} `unsupported` if the round has a step without a circuit, or
 * is the last and has no two labels
 */
export function sealedRound(plan: SealedPlan, index: number): SealedRound {
  const { layout, valueBits, steps } = plan.rounds[index];
  const unmasked = unmaskStage(layout, valueBits);
  const rounding = roundingOf(steps, valueBits);
  const stepped = stepStages(steps, unmasked.elements, rounding);
  const last = index === plan.rounds.length - 1;
  const { stage, readers } = last
    ? labelStage(stepped.elements)
    : shareStage(plan, index, stepped.elements);
  const stages = [unmasked.stage, ...stepped.stages, stage];
  const { chosen } = unmasked;
  return { chosen, stages, readers, digest: digestOf(chosen, stages) };
}

/** The round that writes what `reader` reads as `tensor`; -1: it is the reading. */
export function writerOf(
  plan: InferencePlan,
  reader: number,
  tensor: string,
): number {
  return plan.rounds.slice(0, reader)
    .findLastIndex(({ writes }) => writes === tensor);
}

function shareStage(
  plan: SealedPlan,
  index: number,
  elements: Elements,
): { stage: Stage; readers: Reader[] } {
  const readers: Reader[] = [], parts: Part[] = [];
  let operandBits = 0;
  plan.rounds.forEach(({ layout }, round) =>
    layout.inputs.forEach(({ tensor }, input) => {
      if (round <= index || writerOf(plan, round, tensor) !== index) return;
      const place = readers.length;
      const shared = sharePart(layout, { round, input, place }, elements);
      readers.push(shared.reader);
      parts.push(shared.part);
      operandBits = shared.operandBits;
    })
  );
  return { stage: { operandBits, parts, elements: null }, readers };
}

/** The number of the first of the largest, for each sample. */
function labelStage(
  elements: Elements,
): { stage: Stage; readers: Reader[] } {
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
  return {
    stage: { operandBits, parts: [part], elements: null },
    readers: [],
  };
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
        ...known?.kind === "answer" ? [known.answer, known.from] : known
          ? [
            Int32Array.of(known.reader),
            known.plaintext,
            Int32Array.from(
              known.pieces.flatMap(({ at, low, upper }) => [at, low, upper]),
            ),
          ]
          : [],
      ]),
    ]),
  ];
  return circuitDigest(stages.flatMap(({ parts }) => parts), places);
}
