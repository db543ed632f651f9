/**
 * Checks of what a model takes and gives, the same for packages and for plans.
 *
 * @module
 */
import type { GatewayStep } from "./plan.ts";
import { requireOrder, requireScale } from "./value_range.ts";
import type { ModelInterface, OutputSpec, ValuesSpec } from "./values.ts";

/** Largest magnitude of an integer that is packed. */
const largestInteger = 2 ** 52;

/**
 * Checks names, lengths and ranges of a model's inputs, outputs and states.
 *
 * @throws {RangeError} saying what was expected and what was found
 */
export function checkInterface(model: ModelInterface): void {
  const { inputs, outputs, states, reveal } = model;
  if (inputs.length === 0) throw new RangeError("expected an input, got none");
  if (outputs.length === 0) {
    throw new RangeError("expected an output, got none");
  }
  requireDistinct("names of inputs", inputs.map(({ name }) => name));
  requireDistinct("names of outputs", outputs.map(({ name }) => name));
  for (const input of inputs) {
    const what = `input "${input.name}"`;
    checkValues(what, input);
    requireOrder(input);
    if (!(input.low >= -largestInteger && input.high <= largestInteger)) {
      throw new RangeError(
        `expected ${what} to stay within 2^52, got [${input.low}, ${input.high}]`,
      );
    }
  }
  for (const output of outputs) checkValues(`output "${output.name}"`, output);
  requireDistinct("inputs of states", states.map(({ input }) => input));
  for (const state of states) {
    const input = findNamed(inputs, state.input, "a state's input");
    const output = findNamed(outputs, state.output, "a state's output");
    if (output.tail !== "none") {
      throw new RangeError(
        `expected state "${state.output}" as it is, got its ${output.tail}`,
      );
    }
    if (elements(input.shape) !== elements(output.shape)) {
      throw new RangeError(
        `expected state "${state.input}" of shape [${input.shape}], got "${state.output}" of [${output.shape}]`,
      );
    }
  }
  if (reveal === "scores") return;
  const [{ scale, offset }] = outputs;
  if (outputs.length > 1 || states.length > 0 || scale.length > 1) {
    throw new RangeError(
      `expected one output of one scale, and no states, of which to reveal a label, got ${outputs.length} of ${scale.length}, and ${states.length}`,
    );
  }
  // The largest integer is the largest value.
  if (!(scale[0] > 0) || offset.length > 1) {
    throw new RangeError(`expected a positive scale of scores, got ${scale}`);
  }
}

/**
 * Checks that outputs are parts of what rounds write.
 *
 * @param sizes elements of every activation by name
 * @throws {RangeError} naming the output
 */
export function checkOutputs(
  { outputs, reveal }: ModelInterface,
  sizes: ReadonlyMap<string, number>,
): void {
  for (const { name, tensor, start, shape } of outputs) {
    const size = sizes.get(tensor);
    if (size === undefined) {
      throw new RangeError(
        `expected output "${name}" to be part of an activation, got "${tensor}"`,
      );
    }
    const length = reveal === "label" ? 1 : elements(shape);
    if (start + length > size) {
      throw new RangeError(
        `expected output "${name}" of [${shape}] from ${start} on within ${size} elements`,
      );
    }
  }
}

/** Whether the steps of the rounds multiply by powers of two alone. */
export function multipliesByPowersOfTwo(
  rounds: readonly { steps: readonly GatewayStep[] }[],
): boolean {
  return rounds.every(({ steps }) =>
    steps.every((step) =>
      !("multiplier" in step) || Number.isInteger(Math.log2(step.multiplier))
    )
  );
}

function checkValues(what: string, values: ValuesSpec): void {
  const { shape, labels, units, scale, offset } = values;
  const channels = shape[0] ?? 1, all = elements(shape);
  const of = (list: unknown[], ...counts: number[]) => {
    if (counts.includes(list.length)) return;
    throw new RangeError(
      `expected ${what} of shape [${shape}] to have ${
        [...new Set(counts)].join(" or ")
      } labels, units or scales, got ${list.length}`,
    );
  };
  if (labels) {
    of(labels, channels, all);
    requireDistinct(`labels of ${what}`, labels);
  }
  if (units) of(units, 1, channels, all);
  of(scale, 1, channels, all);
  of(offset, scale.length);
  scale.forEach((step, i) => {
    requireScale(step);
    if (!Number.isFinite(2 * step * largestInteger + offset[i])) {
      throw new RangeError(`expected ${what} to stay finite, got ${step}`);
    }
  });
}

function requireDistinct(what: string, names: string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) {
      throw new RangeError(`expected different ${what}, got "${name}" twice`);
    }
    seen.add(name);
  }
}

function findNamed<T extends ValuesSpec>(
  list: readonly T[],
  name: string,
  what: string,
): T {
  const found = list.find((values) => values.name === name);
  if (found) return found;
  throw new RangeError(`expected ${what} to be one, got "${name}"`);
}

function elements(shape: readonly number[]): number {
  return shape.reduce((count, extent) => count * extent, 1);
}

/** Names of activations that outputs are parts of. */
export function outputTensors(
  { outputs }: { outputs: readonly OutputSpec[] },
): Set<string> {
  return new Set(outputs.map(({ tensor }) => tensor));
}
