/**
 * Plans for sealed inferences: layouts as the planner chooses them, but for folded dense
 * rounds, whose garbage a uniform mask hides.
 *
 * @module
 */
import { headroomBits } from "../../sdk/fixed_point/layout.ts";
import { largestSlotBits } from "../../sdk/fixed_point/slots.ts";
import { signedBits } from "../../sdk/garbling/circuits/integers.ts";
import { roundingOf } from "../../sdk/garbling/rounds/simplify.ts";
import type {
  SealedPlan,
  SealedRoundPlan,
} from "../../sdk/garbling/rounds/round.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import { atOnce } from "../../sdk/support/pacing.ts";
import { type DenseLayout, planFormat } from "../../sdk/wire/plan.ts";
import { interfaceOf } from "../../sdk/wire/values.ts";
import { tensorNamed } from "../package/bounds.ts";
import type { ModelPackage, RoundSpec } from "../package/format.ts";
import { denseLayout } from "./dense.ts";
import { planRoundStepwise } from "./plan.ts";
import { evenly } from "./spatial.ts";

/** What a plan is made for. */
interface KeyAndBatch {
  modulusBits: number;
  samples: number;
}

/**
 * Plans a sealed inference: each round takes one linear call and one garbled call.
 *
 * @throws {CipherlayerError} `unsupported` if the model reveals scores
 * @throws {Error} if a round does not fit a plaintext
 */
export function planSealed(
  model: ModelPackage,
  options: KeyAndBatch,
): SealedPlan {
  return atOnce(planSealedStepwise(model, options));
}

/** {@linkcode planSealed} in steps, one for each layout that is compared. */
export function* planSealedStepwise(
  model: ModelPackage,
  options: KeyAndBatch,
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
  return {
    format: planFormat,
    samples: options.samples,
    ...interfaceOf(manifest),
    rounds,
  };
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
