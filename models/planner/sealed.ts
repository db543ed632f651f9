/**
 * Plans for sealed inferences: layouts as the planner chooses them, but for folded dense
 * rounds, whose garbage a uniform mask hides.
 *
 * @module
 */
import {
  answerCiphertexts,
  headroomBits,
} from "../../sdk/fixed_point/layout.ts";
import { largestSlotBits } from "../../sdk/fixed_point/slots.ts";
import { signedBits } from "../../sdk/garbling/circuits/integers.ts";
import { roundingOf } from "../../sdk/garbling/rounds/simplify.ts";
import {
  garbledShards,
  type SealedPlan,
  type SealedRoundPlan,
} from "../../sdk/garbling/rounds/round.ts";
import { sealedRoundsStepwise } from "../../sdk/garbling/rounds/sealed_rounds.ts";
import { shardStages } from "../../sdk/garbling/rounds/shard.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import { atOnce } from "../../sdk/support/pacing.ts";
import { type DenseLayout, planFormat } from "../../sdk/wire/plan.ts";
import { interfaceOf } from "../../sdk/wire/values.ts";
import { tensorNamed } from "../package/bounds.ts";
import type { ModelPackage, RoundSpec } from "../package/format.ts";
import { denseLayout } from "./dense.ts";
import { callMilliseconds, defaultCosts, forecastRound } from "./cost_model.ts";
import { garblingMs, perChoice } from "./garbling_costs.ts";
import { type CallLimits, planRoundStepwise } from "./plan.ts";
import { evenly } from "./spatial.ts";
import { weightProfiles } from "./weight_profile.ts";

export interface SealedPlanOptions {
  /** Bits of N. */
  modulusBits: number;
  samples: number;
  /** Rounds are split until each call fits @default no limit */
  callLimits?: CallLimits;
}

/**
 * Plans a sealed inference: each round takes one linear call and one garbled call.
 *
 * @throws {CipherlayerError} `unsupported` if the model reveals scores
 * @throws {Error} if a round does not fit a plaintext
 */
export function planSealed(
  model: ModelPackage,
  options: SealedPlanOptions,
): SealedPlan {
  return atOnce(planSealedStepwise(model, options));
}

/** {@linkcode planSealed} in steps, one for each layout that is compared. */
export function* planSealedStepwise(
  model: ModelPackage,
  options: SealedPlanOptions,
): Generator<void, SealedPlan> {
  const { manifest, tensors } = model;
  if (manifest.reveal !== "label") {
    throw new CipherlayerError(
      "unsupported",
      `Cannot seal model ${manifest.name}: expected one that reveals labels, got scores, from which a client computes the last layer`,
    );
  }
  const rounds: SealedRoundPlan[] = [];
  for (const spec of manifest.rounds) {
    const round = { ...spec, bound: boundWithRounding(spec) };
    const { layout } = yield* planRoundStepwise(round, { ...options, tensors });
    const { steps, writes } = round;
    rounds.push({
      layout: layout.kind === "dense" && layout.fold > 1
        ? foldedLayout(model, round, layout, options.modulusBits)
        : layout,
      steps,
      writes,
      shards: 1,
      valueBits: signedBits(-spec.bound, round.bound),
    });
  }
  const plan: SealedPlan = {
    format: planFormat,
    samples: options.samples,
    ...interfaceOf(manifest),
    rounds,
  };
  if (options.callLimits) {
    yield* splitToFit(plan, model, options.callLimits, options);
  }
  return plan;
}

/**
 * Splits rounds in twice as many parts until both calls fit, or there are no more: as
 * many at most as answers.
 */
function* splitToFit(
  plan: SealedPlan,
  { manifest, tensors }: ModelPackage,
  limits: CallLimits,
  { modulusBits }: SealedPlanOptions,
): Generator<void, void> {
  const { maxMillisecondsPerCall: maxMs } = limits;
  if (maxMs === Infinity) return;
  const costs = defaultCosts(modulusBits);
  const made = yield* sealedRoundsStepwise(plan);
  for (const [index, { stages, chosen }] of made.entries()) {
    const round = plan.rounds[index], spec = manifest.rounds[index];
    const profiles = weightProfiles(spec, tensors);
    const max = Math.min(limits.shards, answerCiphertexts(round.layout));
    const longestMs = (shards: number) => {
      const options = { modulusBits, costs, profiles, shards };
      const linear = forecastRound(spec, round.layout, options);
      const garbledMs = chosen.bit.length * perChoice +
        garblingMs(shardStages(stages, 0, garbledShards(plan, index)));
      return Math.max(callMilliseconds(linear, costs), garbledMs);
    };
    while (longestMs(round.shards) > maxMs && round.shards < max) {
      round.shards = Math.min(2 * round.shards, max);
    }
    yield;
  }
}

/** The largest magnitude of accumulators that carry what rounds their first scaling. */
function boundWithRounding({ bound, steps }: RoundSpec): number {
  const widest = roundingOf(steps, largestSlotBits);
  const raised = bound + widest;
  return bound + roundingOf(steps, signedBits(-bound, raised));
}

/** Slots two bits wider than any garbage, so that two bits tell the borrow below a value. */
function foldedLayout(
  model: ModelPackage,
  round: RoundSpec,
  planned: DenseLayout,
  modulusBits: number,
): DenseLayout {
  const { fold, samples, outputLength } = planned;
  const slotBits = 2 + garbageBound(model, round).toString(2).length;
  const slots = Math.floor((modulusBits - headroomBits) / slotBits) -
    (fold - 1) * samples;
  const max = Math.floor(slots / (fold * samples));
  if (slotBits > largestSlotBits || max < 1) {
    return denseLayout(round, 1, modulusBits, samples) ?? planned;
  }
  return {
    ...planned,
    guardBits: 0,
    slotBits,
    valuesPerCiphertext: evenly(outputLength, max),
  };
}

/** The largest magnitude of a garbage slot: parts of two rows, in any pairing. */
function garbageBound({ tensors }: ModelPackage, round: RoundSpec): number {
  const [rows] = round.outputShape;
  let largest = round.bound;
  for (let row = 0; row < rows; row++) {
    let up = 0, down = 0;
    for (const term of round.terms) {
      if (term.kind !== "dense") continue;
      const { data } = tensorNamed(tensors, term.weights);
      for (let i = row * term.length; i < (row + 1) * term.length; i++) {
        up += Math.max(data[i] * term.low, data[i] * term.high, 0);
        down -= Math.min(data[i] * term.low, data[i] * term.high, 0);
      }
    }
    largest = Math.max(largest, 2 * up, 2 * down);
  }
  return largest;
}
