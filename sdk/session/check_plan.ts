/**
 * Checks a plan from the functions before anything is encrypted under it.
 *
 * @module
 */
import { shapeAfter } from "../activations/apply.ts";
import { operandOf } from "../activations/operands.ts";
import { isSealed } from "../garbling/rounds/sealed_rounds.ts";
import { CipherlayerError } from "../support/errors.ts";
import { sum } from "../support/numbers.ts";
import { elementCount } from "../fixed_point/integer_tensor.ts";
import { largestSlotBits, largestSlotValue } from "../fixed_point/slots.ts";
import {
  answerCiphertexts,
  blockSlots,
  headroomBits,
  inputCiphertexts,
  usedSlots,
} from "../fixed_point/layout.ts";
import { maxReadsOfTensor, maxShards } from "../wire/limits.ts";
import type {
  GatewayStep,
  InferencePlan,
  RoundLayout,
  RoundPlan,
} from "../wire/plan.ts";
import {
  checkInterface,
  checkOutputs,
  multipliesByPowersOfTwo,
} from "../wire/check_interface.ts";
import { rangeAfter, type ValueRange } from "../wire/value_range.ts";
import {
  defaultPlanLimits,
  lastReaders,
  layoutWork,
  type PlanLimits,
  stepWork,
} from "./plan_limits.ts";
import { offsetOutside, tilesFitOutput } from "./spatial_reach.ts";

/** Largest body of a round that a gateway agrees to, in bytes. */
const maxRoundBytes = 2 ** 29;
/** Most additions or comparisons of a pooling step. */
const maxPoolingWork = 2 ** 31;

/** What is known of an activation before there is one. */
interface Activation extends ValueRange {
  shape: number[];
}

/**
 * Checks that a plan makes sense before anything is encrypted: plans come from
 * a cloud that is not trusted, and a fault that showed only later could depend
 * on a reading. After this, shapes agree through the whole inference, every
 * tensor exists when it is read, slots fit the modulus, no value whatever the
 * cloud answers leaves [-2^52, 2^52], and memory and work are bounded.
 *
 * @throws {CipherlayerError} `malformed`
 */
export function checkPlan(
  plan: InferencePlan,
  expected: {
    samples: number;
    modulusBits: number;
    /** @default 2^22 elements a sample, 2^24 in all, 2^31 operations */
    limits?: Partial<PlanLimits>;
  },
): void {
  const { samples, modulusBits } = expected;
  if (plan.samples !== samples) {
    refuse(`${samples} samples`, `${plan.samples}`);
  }
  if (plan.rounds.length === 0) refuse("at least one round", "none");
  const budget = new Budget(samples, {
    ...defaultPlanLimits,
    ...expected.limits,
  });
  sensible("its inputs and outputs", () => checkInterface(plan));
  if (plan.powerOfTwo !== multipliesByPowersOfTwo(plan.rounds)) {
    refuse(
      plan.powerOfTwo ? "multipliers of powers of two" : "other multipliers",
      "others",
    );
  }
  const live = new Map<string, Activation>(
    plan.inputs.map((input) => [input.name, input]),
  );
  let liveElements = sum(plan.inputs.map(({ shape }) => elementCount(shape)));
  const written = new Map<string, number>();
  const lastRead = lastReaders(plan);
  for (const [index, round] of plan.rounds.entries()) {
    const where = `round ${index}`;
    checkInputs(round.layout, live, where);
    checkSizes(round, samples, modulusBits, where);
    checkDistinct(round.layout, where);
    checkOffsets(round.layout, where);
    budget.spend(layoutWork(round.layout) / samples, where);
    let last = accumulators(round.layout);
    checkRange(last, where);
    budget.hold(liveElements, elementCount(last.shape), where);
    const write = (name: string, activation: Activation) => {
      if (written.has(name) || isInput(plan, name)) {
        refuse(`${where} to write a new tensor`, `"${name}"`);
      }
      written.set(name, elementCount(activation.shape));
      live.set(name, activation);
      liveElements += elementCount(activation.shape);
    };
    for (const step of round.steps) {
      const before = last.shape;
      last = afterStep(step, last, live, where);
      if (step.op === "keep") write(step.as, last);
      budget.hold(liveElements, elementCount(last.shape), where);
      const work = stepWork(step, before, last.shape);
      if ("kernel" in step && work * samples > maxPoolingWork) {
        refuse(`${where} to pool in ${maxPoolingWork} steps`, `${work}`);
      }
      budget.spend(work, where);
    }
    write(round.writes, last);
    for (const [name, { shape }] of live) {
      if ((lastRead.get(name) ?? -1) > index) continue;
      live.delete(name);
      liveElements -= elementCount(shape);
    }
  }
  checkSealing(plan, live);
  // The last steps of a sealed plan give scores; its circuit tells the label.
  const reveal = isSealed(plan) ? "scores" : plan.reveal;
  sensible("its outputs", () => checkOutputs({ ...plan, reveal }, written));
  if (plan.reveal === "label") return;
  // Each output becomes a separate list, though all may be parts of one activation.
  const read = sum(plan.outputs.map(({ shape }) => elementCount(shape)));
  budget.hold(liveElements, read, "outputs");
  budget.spend(read, "outputs");
}

/** Rounds are sealed all or none, and a sealed plan tells the label of all that its last round gives. */
function checkSealing(
  plan: InferencePlan,
  live: ReadonlyMap<string, Activation>,
): void {
  if (plan.rounds.every(({ valueBits }) => valueBits === undefined)) return;
  if (!isSealed(plan)) refuse("all rounds sealed or none", "some");
  if (plan.reveal !== "label") {
    refuse("a sealed plan that reveals labels", plan.reveal);
  }
  const [{ tensor, start, shape }] = plan.outputs, last = plan.rounds.at(-1)!;
  const size = elementCount(live.get(tensor)?.shape ?? []);
  if (tensor !== last.writes || start !== 0 || size !== elementCount(shape)) {
    refuse("labels of all that a sealed plan's last round gives", "of others");
  }
}

function isInput({ inputs }: InferencePlan, tensor: string): boolean {
  return inputs.some(({ name }) => name === tensor);
}

/** What is left of the limits while a plan is gone through. */
class Budget {
  #operations: number;

  constructor(readonly samples: number, readonly limits: PlanLimits) {
    this.#operations = limits.operations;
  }

  /** Takes the operations of one sample, for all of them. */
  spend(operations: number, where: string): void {
    this.#operations -= operations * this.samples;
    if (!(this.#operations >= 0)) {
      refuse(
        `all rounds within ${this.limits.operations} operations`,
        `more by ${where}`,
      );
    }
  }

  /** Checks elements of one sample in memory at a time: what is live and what is made. */
  hold(live: number, made: number, where: string): void {
    const elements = live + made;
    const { elementsPerSample } = this.limits;
    const max = Math.min(
      elementsPerSample,
      Math.floor(this.limits.elements / this.samples),
    );
    if (!(elements <= max)) {
      refuse(`${where} of at most ${max} elements`, `${elements}`);
    }
  }
}

function checkInputs(
  layout: RoundLayout,
  live: ReadonlyMap<string, Activation>,
  where: string,
): void {
  for (const input of layout.inputs) {
    const shape = live.get(input.tensor)?.shape;
    if (!shape) {
      refuse(`${where} to read earlier tensors`, `"${input.tensor}"`);
    }
    const length = "length" in input ? input.length : elementCount(input.shape);
    if (elementCount(shape) !== length) {
      refuse(`${where} to read ${elementCount(shape)} elements`, `${length}`);
    }
  }
}

function checkSizes(
  { layout, shards }: RoundPlan,
  samples: number,
  modulusBits: number,
  where: string,
): void {
  if (layout.samples !== samples) {
    refuse(`${where} to pack ${samples} samples`, `${layout.samples}`);
  }
  const answers = answerCiphertexts(layout);
  if (shards > Math.min(answers, maxShards)) {
    refuse(`${where} in at most ${answers} shards`, `${shards}`);
  }
  const slots = Math.max(usedSlots(layout, 0), blockSlots(layout));
  if (
    layout.slotBits > largestSlotBits &&
    slots * layout.slotBits <= modulusBits - headroomBits
  ) {
    refuse(
      `${where}'s slots of at most ${largestSlotBits} bits`,
      `${layout.slotBits}`,
    );
  }
  if (slots * layout.slotBits > modulusBits - headroomBits) {
    refuse(
      `${where} to fit ${modulusBits - headroomBits} bits`,
      `${slots} slots of ${layout.slotBits}`,
    );
  }
  const bytes = Math.max(inputCiphertexts(layout), answers) * modulusBits / 4;
  if (!(bytes <= maxRoundBytes)) {
    refuse(`${where} of at most ${maxRoundBytes} bytes`, `${bytes}`);
  }
  if (layout.kind === "spatial") {
    const [, height, width] = layout.output;
    const { tile, grid } = layout;
    if (tile[0] * grid[0] < height || tile[1] * grid[1] < width) {
      refuse(`${where}'s tiles to cover ${height}x${width}`, "fewer");
    }
    if (!tilesFitOutput(layout)) {
      refuse(`${where}'s tiles to end with ${height}x${width}`, "larger ones");
    }
  }
}

/** A ciphertext of nothing but padding costs the gateway as much as any. */
function checkOffsets(layout: RoundLayout, where: string): void {
  if (layout.kind !== "spatial") return;
  for (const input of layout.inputs) {
    const outside = offsetOutside(layout, input);
    if (outside) {
      refuse(`${where} to read "${input.tensor}"`, `offset [${outside}]`);
    }
  }
}

/** A value is packed once for each offset of each term, and terms that read it are few. */
function checkDistinct({ inputs }: RoundLayout, where: string): void {
  const reads = new Map<string, number>();
  for (const input of inputs) {
    const { tensor } = input;
    const count = (reads.get(tensor) ?? 0) + 1;
    if (count > maxReadsOfTensor) {
      refuse(
        `${where} to read "${tensor}" at most ${maxReadsOfTensor} times`,
        "more",
      );
    }
    reads.set(tensor, count);
    if (
      "offsets" in input &&
      new Set(input.offsets.map(String)).size !== input.offsets.length
    ) {
      refuse(`${where} to read "${tensor}" once at an offset`, "it twice");
    }
  }
}

function checkRange({ low, high }: ValueRange, where: string): void {
  if (!(low >= -largestSlotValue && high <= largestSlotValue)) {
    refuse(`${where} to stay within 2^52`, `[${low}, ${high}]`);
  }
}

/** What unpacking gives, whatever the plaintexts are. */
function accumulators(layout: RoundLayout): Activation {
  const guardBits = layout.kind === "dense" ? layout.guardBits : 0;
  const reach = 2 ** (layout.slotBits - 1 - guardBits);
  return {
    shape: layout.kind === "spatial" ? layout.output : [layout.outputLength],
    low: -reach,
    high: reach - 1,
  };
}

function afterStep(
  step: GatewayStep,
  before: Activation,
  live: ReadonlyMap<string, Activation>,
  where: string,
): Activation {
  const name = operandOf(step);
  const operand = name === null ? undefined : live.get(name);
  if (name !== null && !operand) {
    refuse(`${where}'s step ${step.op} to read earlier tensors`, `"${name}"`);
  }
  let shape: number[];
  try {
    shape = shapeAfter(step, before.shape, operand?.shape);
  } catch {
    refuse(`${where} to fit shape [${before.shape}]`, `step ${step.op}`);
  }
  if (elementCount(shape) < 1) {
    refuse(`${where}'s windows to fit [${before.shape}]`, "larger ones");
  }
  const range = sensible(
    `${where}'s step ${step.op}`,
    () => rangeAfter(step, before, operand),
  );
  checkRange(range, `${where}'s step ${step.op}`);
  // What a quotient or a sum passes through must be exact, too.
  if (operand && !(range.largest <= largestSlotValue)) {
    refuse(`${where}'s step ${step.op} within 2^52`, `${range.largest}`);
  }
  return { shape, low: range.low, high: range.high };
}

/** Runs a check of numbers; what it finds is a fault of the plan. */
function sensible<T>(where: string, check: () => T): T {
  try {
    return check();
  } catch (cause) {
    refuse(`${where} to make sense`, (cause as Error).message);
  }
}

function refuse(expected: string, got: string): never {
  throw new CipherlayerError(
    "malformed",
    `Cannot use the plan: expected ${expected}, got ${got}`,
  );
}
