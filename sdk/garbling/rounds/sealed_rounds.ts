/**
 * The garbled calls of a plan, of bounded size: for gateways plans come from a cloud
 * that is not trusted, and for functions from owners of models.
 *
 * @module
 */
import { shapeAfter } from "../../activations/apply.ts";
import { elementCount } from "../../fixed_point/integer_tensor.ts";
import { blockSlots, foldOf, outputValues } from "../../fixed_point/layout.ts";
import { sum } from "../../support/numbers.ts";
import { CipherlayerError } from "../../support/errors.ts";
import { leavesFor, maxLeaves, outputsOf } from "../../transfer/code_shape.ts";
import { maxGarbledBytes } from "../../wire/limits.ts";
import type { InferencePlan } from "../../wire/plan.ts";
import {
  readersOf,
  type SealedPlan,
  type SealedRound,
  sealedRound,
  type SealedRoundPlan,
} from "./round.ts";
import { garbledBytes } from "./run.ts";

/** Whether inferences of a plan are sealed. */
export const isSealed = (plan: InferencePlan): plan is SealedPlan =>
  plan.rounds.length > 0 &&
  plan.rounds.every(({ valueBits }) => valueBits !== undefined);

/**
 * The garbled calls of a plan, round by round.
 *
 * @throws {CipherlayerError} `unsupported` if a round cannot be sealed, a call takes more
 * than `maxGarbledBytes`, or an inference more transfers than a batch has
 */
export function sealedRounds(plan: SealedPlan): SealedRound[] {
  // Before circuits are made, which would take memory and time.
  checkChoices(sum(plan.rounds.map(leastChoices)));
  const slots = slotsRead(plan);
  for (const [index, round] of plan.rounds.entries()) {
    checkBytes(index, leastBytes(plan, round));
    checkSlots(index, slots.get(round.writes) ?? 0);
  }
  const places = readersOf(plan);
  const rounds = plan.rounds.map((_, index) => {
    const round = sealedRound(plan, index, places[index]);
    checkBytes(index, garbledBytes(round.stages));
    return round;
  });
  checkChoices(sum(rounds.map(({ chosen }) => chosen.bit.length)));
  return rounds;
}

/** Leaves of a batch of transfers for one inference. */
export const leavesOf = (rounds: readonly SealedRound[]): number =>
  leavesFor(sum(rounds.map(({ chosen }) => chosen.bit.length)));

/** A choice for each bit of each value, at least. */
const leastChoices = ({ layout, valueBits }: SealedRoundPlan): number =>
  outputValues(layout) * blockSlots(layout) / foldOf(layout) * valueBits;

/** Less than the call takes: a ciphertext for each bit unmasked and each cell joined. */
function leastBytes(plan: SealedPlan, round: SealedRoundPlan): number {
  const { layout, steps } = round;
  let shape = layout.kind === "spatial" ? layout.output : [layout.outputLength];
  let cells = 0;
  for (const step of steps) {
    shape = shapeAfter(step, shape);
    // Half of a window may be padding.
    if ("kernel" in step) {
      cells += elementCount(shape) * elementCount(step.kernel) / 2;
    }
  }
  return 16 * (leastChoices(round) + plan.samples * cells);
}

/** Slots that one round's elements go into: a number is kept for each. */
const maxSlots = 2 ** 23;

function checkSlots(index: number, slots: number): void {
  if (slots <= maxSlots) return;
  throw new CipherlayerError(
    "unsupported",
    `Cannot seal round ${index}: expected it to be read in at most ${maxSlots} slots, got ${slots}`,
  );
}

/** Slots of the plaintexts in which rounds read each activation, by its name. */
function slotsRead({ rounds }: SealedPlan): Map<string, number> {
  const slots = new Map<string, number>();
  for (const { layout } of rounds) {
    const size = blockSlots(layout);
    const add = (tensor: string, count: number) =>
      slots.set(tensor, (slots.get(tensor) ?? 0) + size * count);
    if (layout.kind === "dense") {
      for (const { tensor, length } of layout.inputs) {
        add(tensor, Math.floor(length / layout.fold));
      }
    } else {
      for (const { tensor, shape, offsets } of layout.inputs) {
        add(tensor, shape[0] * offsets.length);
      }
    }
  }
  return slots;
}

function checkChoices(count: number): void {
  const max = outputsOf(maxLeaves);
  if (count <= max) return;
  throw new CipherlayerError(
    "unsupported",
    `Cannot seal a model: expected at most ${max} choices an inference, got ${count}`,
  );
}

function checkBytes(index: number, bytes: number): void {
  if (bytes <= maxGarbledBytes) return;
  throw new CipherlayerError(
    "unsupported",
    `Cannot seal round ${index}: expected a garbled call of at most ${maxGarbledBytes} bytes, got ${bytes}`,
  );
}
