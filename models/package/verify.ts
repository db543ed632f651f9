/**
 * Verifies a package: shapes, ranges, bounds of every round.
 *
 * @module
 */
import { shapeAfter } from "../../sdk/activations/apply.ts";
import { operandOf } from "../../sdk/activations/operands.ts";
import { elementCount } from "../../sdk/fixed_point/integer_tensor.ts";
import {
  checkInterface,
  checkOutputs,
  multipliesByPowersOfTwo,
} from "../../sdk/wire/check_interface.ts";
import { maxElements, maxReadsOfTensor } from "../../sdk/wire/limits.ts";
import { rangeAfter } from "../../sdk/wire/value_range.ts";
import { accumulatorBound, tensorNamed } from "./bounds.ts";
import { convolutionExtent, weightShape } from "./geometry.ts";
import { guardModel } from "../protections/guard_model.ts";
import { protectionsOf } from "../protections/profile.ts";
import type {
  Manifest,
  ModelPackage,
  RoundSpec,
  Term,
  WeightTensor,
} from "./format.ts";

/** Range and size of an activation, as the round that writes it gives it. */
interface Activation {
  elements: number;
  low: number;
  high: number;
}

/** Largest map, in places: tilings of larger ones take minutes to compare. */
export const maxPlaces = 2 ** 18;
/**
 * Most work of a plan: layouts to compare times taps of a kernel, over all rounds.
 * AlexNet's first round has 24,000, all of MobileNetV2 fewer.
 */
const maxPlanningWork = 2 ** 16;

/**
 * Proves a package consistent: every tensor present and of the shape that its
 * round needs, every activation read where it was written before and within the
 * range declared, every bound true, no intermediate value at the gateway beyond 2^53.
 *
 * @throws {Error} naming the round, what was expected and what was found
 */
export function verifyPackage(model: ModelPackage): void {
  const { manifest, tensors } = model;
  const { inputs, rounds } = manifest;
  if (rounds.length === 0) fail("model", "expected one round or more, got 0");
  sensible("model", () => checkInterface(manifest));
  const activations = new Map<string, Activation>(
    inputs.map(({ name, shape, low, high }) => [
      name,
      { elements: elementCount(shape), low, high },
    ]),
  );
  const written = new Map<string, number>();
  for (const round of rounds) {
    verifyTerms(round, tensors, activations);
    verifySize(round);
    const bound = accumulatorBound(round, tensors);
    if (!(bound <= round.bound)) {
      fail(
        round.name,
        `expected a bound of ${bound} or more, got ${round.bound}`,
      );
    }
    const write = (name: string, activation: Activation) => {
      if (activations.has(name)) {
        fail(round.name, `activation "${name}" is written twice`);
      }
      activations.set(name, activation);
      written.set(name, activation.elements);
    };
    write(round.writes, activationAfter(round, activations, write));
  }
  verifyWork(rounds);
  if (manifest.powerOfTwo !== multipliesByPowersOfTwo(rounds)) {
    fail(
      "model",
      `expected powerOfTwo to be ${!manifest
        .powerOfTwo}, as the multipliers of its steps are`,
    );
  }
  verifyOutputs(manifest, written);
  // Nothing is added to a sealed model.
  if (manifest.privacy === "sealed") return;
  // Throws where scores are too many or too wide to be guarded as the manifest asks.
  guardModel(
    model,
    protectionsOf(manifest),
    (length) => new Uint8Array(length),
  );
}

function verifyOutputs(
  manifest: Manifest,
  written: ReadonlyMap<string, number>,
): void {
  const { rounds, reveal, privacy } = manifest;
  // The scores of which a label is revealed are looked at as they are here.
  sensible(
    "model",
    () => checkOutputs({ ...manifest, reveal: "scores" }, written),
  );
  if (reveal === "label" && !canRevealLabel(manifest)) {
    fail(
      rounds[rounds.length - 1].name,
      "expected a dense round of two scores or more, of which to reveal a label",
    );
  }
  if ((privacy === "strict" || privacy === "sealed") && reveal === "scores") {
    fail("model", `expected to reveal "label" where privacy is "${privacy}"`);
  }
}

/**
 * Whether the scores can give way to the label of the largest: they are what a last,
 * dense round gives, and all that the model gives.
 */
export function canRevealLabel(
  { rounds, outputs }: Pick<Manifest, "rounds" | "outputs">,
): boolean {
  const { terms, outputShape, steps, writes } = rounds[rounds.length - 1];
  return terms[0].kind === "dense" && outputShape[0] > 1 &&
    steps.length === 0 && outputs.length === 1 &&
    outputs[0].tensor === writes &&
    elementCount(outputs[0].shape) === outputShape[0];
}

function verifyTerms(
  round: RoundSpec,
  tensors: ReadonlyMap<string, WeightTensor>,
  activations: ReadonlyMap<string, Activation>,
): void {
  const [channels] = round.outputShape;
  const perPosition = tensorNamed(tensors, round.bias).shape.length > 1;
  const biasShape = perPosition ? round.outputShape : [channels];
  expectShape(round, tensors, round.bias, biasShape);
  if (round.terms.length === 0) fail(round.name, "expected a term, got none");
  const reads = new Map<string, number>();
  for (const term of round.terms) {
    const source = activations.get(term.reads);
    if (!source) {
      fail(
        round.name,
        `activation "${term.reads}" is read before it is written`,
      );
    }
    const count = (reads.get(term.reads) ?? 0) + 1;
    reads.set(term.reads, count);
    if (count > maxReadsOfTensor) {
      fail(
        round.name,
        `expected at most ${maxReadsOfTensor} terms that read "${term.reads}", got more`,
      );
    }
    if (source.elements !== termElements(term)) {
      fail(
        round.name,
        `expected ${
          termElements(term)
        } elements of "${term.reads}", got ${source.elements}`,
      );
    }
    if (source.low < term.low || source.high > term.high) {
      fail(
        round.name,
        `expected "${term.reads}" in [${term.low}, ${term.high}], got [${source.low}, ${source.high}]`,
      );
    }
    expectShape(round, tensors, term.weights, weightShape(term, channels));
    const shape = outputShape(round, term, channels);
    if (shape.join() !== round.outputShape.join()) {
      fail(
        round.name,
        `expected output shape [${round.outputShape}], got [${shape}] from "${term.weights}"`,
      );
    }
  }
}

/** A few bytes of a manifest may state any size. */
function verifySize({ name, outputShape, terms }: RoundSpec): void {
  const elements = Math.max(
    elementCount(outputShape),
    ...terms.map(termElements),
  );
  if (elements > maxElements) {
    fail(name, `expected at most ${maxElements} elements, got ${elements}`);
  }
  const [, ...sides] = outputShape;
  const places = elementCount(sides);
  if (places > maxPlaces) {
    fail(name, `expected maps of at most ${maxPlaces} places, got [${sides}]`);
  }
}

/** A few bytes may also state a plan that takes minutes to find. */
function verifyWork(rounds: readonly RoundSpec[]): void {
  let work = 0;
  for (const { name, outputShape, terms } of rounds) {
    const layouts = outputShape.slice(1).reduce(
      (product, extent) => product * Math.ceil(2 * Math.sqrt(extent)),
      1,
    );
    for (const term of terms) {
      if (term.kind === "dense") continue;
      work += layouts * elementCount(term.kernel);
    }
    if (work > maxPlanningWork) {
      fail(
        name,
        `expected kernels and maps that take ${maxPlanningWork} steps to plan, got ${work}`,
      );
    }
  }
}

function termElements(term: Term): number {
  return term.kind === "dense" ? term.length : elementCount(term.inputShape);
}

function outputShape(round: RoundSpec, term: Term, channels: number): number[] {
  if (term.kind !== round.terms[0].kind) {
    fail(round.name, "expected terms of one kind, got both");
  }
  if (term.kind === "dense") return [channels];
  if (channels % term.groups !== 0) {
    fail(
      round.name,
      `expected a multiple of ${term.groups} groups, got ${channels} channels`,
    );
  }
  return [channels, ...convolutionExtent(term)];
}

function expectShape(
  round: RoundSpec,
  tensors: ReadonlyMap<string, WeightTensor>,
  name: string,
  expected: number[],
): void {
  const { shape, data } = tensorNamed(tensors, name);
  if (
    shape.join() !== expected.join() || data.length !== elementCount(expected)
  ) {
    fail(
      round.name,
      `expected tensor "${name}" of shape [${expected}], got [${shape}]`,
    );
  }
}

/** Follows the range of values through the steps of a round. */
function activationAfter(
  round: RoundSpec,
  activations: ReadonlyMap<string, Activation>,
  write: (name: string, activation: Activation) => void,
): Activation {
  let shape = round.outputShape;
  let low = -round.bound, high = round.bound;
  for (const step of round.steps) {
    const name = operandOf(step);
    const operand = name === null ? undefined : activations.get(name);
    if (name !== null && !operand) {
      fail(round.name, `activation "${name}" is read before it is written`);
    }
    shape = sensible(
      round.name,
      () => shapeAfter(step, shape, operand && [operand.elements]),
    );
    verifyStepSize(round, shape);
    const after = rangeOf(round, step, { low, high }, operand);
    if (!(after.largest < 2 ** 53)) {
      const what = "multiplier" in step ? `products of ${step.op}` : step.op;
      const expected = what === step.op ? "to stay below" : "below";
      fail(
        round.name,
        `expected ${what} ${expected} 2^53, got ${after.largest}`,
      );
    }
    ({ low, high } = after);
    if (step.op === "keep") {
      write(step.as, { elements: elementCount(shape), low, high });
    }
  }
  return { elements: elementCount(shape), low, high };
}

/** A step that repeats values or multiplies matrices may make any number of them. */
function verifyStepSize({ name }: RoundSpec, shape: number[]): void {
  const elements = elementCount(shape);
  if (!(elements <= maxElements)) {
    fail(name, `expected at most ${maxElements} elements, got ${elements}`);
  }
}

function rangeOf(
  round: RoundSpec,
  ...of: Parameters<typeof rangeAfter>
): ReturnType<typeof rangeAfter> {
  return sensible(round.name, () => rangeAfter(...of), `${of[0].op}: `);
}

/** Runs a check that both sides share; what it finds is a fault of the round. */
function sensible<T>(round: string, check: () => T, where = ""): T {
  try {
    return check();
  } catch (cause) {
    fail(round, where + (cause as Error).message);
  }
}

function fail(round: string, reason: string): never {
  throw new Error(`Cannot use round "${round}": ${reason}`);
}
