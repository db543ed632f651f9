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
import { atOnce, Pacer } from "../../support/pacing.ts";
import { maxTransfers } from "../../transfer/batch_shape.ts";
import { maxGarbledBytes } from "../../wire/limits.ts";
import type { InferencePlan } from "../../wire/plan.ts";
import {
  readersOf,
  type SealedPlan,
  type SealedRound,
  sealedRound,
  type SealedRoundPlan,
} from "./round.ts";
import { BuildBudget } from "./build_budget.ts";
import { callBytes, garbledBytes } from "./run.ts";

/** Whether inferences of a plan are sealed. */
export const isSealed = (plan: InferencePlan): plan is SealedPlan =>
  plan.rounds.length > 0 &&
  plan.rounds.every(({ valueBits }) => valueBits !== undefined);

/**
 * The garbled calls of a plan, round by round.
 *
 * @param budget of the plan
 * @throws {CipherlayerError} `unsupported` if a round cannot be sealed, a call takes more
 * than `maxGarbledBytes` or `maxCallBytes`, the plan more than `BuildBudget` has, or an
 * inference more transfers than a batch has
 */
export function sealedRounds(
  plan: SealedPlan,
  budget: BuildBudget = new BuildBudget(),
): SealedRound[] {
  return atOnce(sealedRoundsStepwise(plan, budget));
}

/**
 * The same, with pauses, so that the event loop runs.
 *
 * @throws {CipherlayerError} as `sealedRounds`
 * @throws the signal's reason if it has been aborted
 */
export async function sealedRoundsPaced(
  plan: SealedPlan,
  signal: AbortSignal,
): Promise<SealedRound[]> {
  const pacer = new Pacer(signal), building = sealedRoundsStepwise(plan);
  for (;;) {
    const step = building.next();
    if (step.done) return step.value;
    if (pacer.due()) await pacer.pause();
  }
}

/**
 * The same in steps, some each round.
 *
 * @throws {CipherlayerError} as `sealedRounds`
 */
export function* sealedRoundsStepwise(
  plan: SealedPlan,
  budget: BuildBudget = new BuildBudget(),
): Generator<void, SealedRound[]> {
  // Before circuits are made, which would take memory and time.
  checkChoices(sum(plan.rounds.map(leastChoices)));
  const slots = slotsRead(plan);
  for (const [index, round] of plan.rounds.entries()) {
    checkBytes(index, leastBytes(plan, round));
    budget.spend("places", slots.get(round.writes) ?? 0);
  }
  const places = readersOf(plan);
  const rounds: SealedRound[] = [];
  for (const index of plan.rounds.keys()) {
    const round = yield* sealedRound(plan, index, places[index], budget);
    const { stages, chosen } = round, bytes = garbledBytes(stages);
    checkBytes(index, bytes);
    checkMemory(index, callBytes(stages, chosen.bit.length));
    budget.spend("garbledBytes", bytes);
    rounds.push(round);
    yield;
  }
  return checkedRounds(rounds);
}

function checkedRounds(rounds: SealedRound[]): SealedRound[] {
  checkChoices(sum(rounds.map(({ chosen }) => chosen.bit.length)));
  return rounds;
}

/** Transfers that are as soon made for all rounds as for the last one alone. */
const fewTransfers = 12_000;

/**
 * Transfers of the batch that each round's linear call asks for; 0: none. The
 * first one's is for all rounds, unless it is large: then the last round has one of its
 * own, so that its few choices, asked for again, never make the functions make all.
 */
export function batchesOf(rounds: readonly SealedRound[]): number[] {
  const counts = rounds.map(({ chosen }) => chosen.bit.length);
  const last = counts.length - 1, all = sum(counts);
  const isSplit = last > 0 && all > fewTransfers;
  return counts.map((count, round) => {
    if (round === 0) return isSplit ? all - counts[last] : all;
    return round === last && isSplit ? count : 0;
  });
}

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
  if (count <= maxTransfers) return;
  throw new CipherlayerError(
    "unsupported",
    `Cannot seal a model: expected at most ${maxTransfers} choices an inference, got ${count}`,
  );
}

function checkBytes(index: number, bytes: number): void {
  if (bytes <= maxGarbledBytes) return;
  throw new CipherlayerError(
    "unsupported",
    `Cannot seal round ${index}: expected a garbled call of at most ${maxGarbledBytes} bytes, got ${bytes}`,
  );
}

/** Memory of one call at either side: a call of the zoo takes an eighth. */
const maxCallBytes = 2 ** 26;

function checkMemory(index: number, bytes: number): void {
  if (bytes <= maxCallBytes) return;
  throw new CipherlayerError(
    "unsupported",
    `Cannot seal round ${index}: expected a garbled call that takes at most ${maxCallBytes} bytes of memory, got ${bytes}`,
  );
}
