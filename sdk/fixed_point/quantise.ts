/**
 * Between real values and the integers that rounds work on.
 *
 * @module
 */
import type {
  InputSpec,
  ModelInterface,
  OutputSpec,
  ValuesSpec,
} from "../wire/values.ts";
import { elementCount, type IntegerTensor } from "./integer_tensor.ts";
import { type Reading, type ReadingForm, readingValues } from "./reading.ts";

/** Options of {@linkcode quantise}. */
export interface QuantiseOptions {
  /** Moves what is out of range to its end instead of refusing it. */
  clamp?: boolean;
  /**
   * Integers of the states, by input.
   *
   * @default those of 0
   */
  states?: ReadonlyMap<string, Float64Array>;
}

/**
 * A reading as the integers that are encrypted: round((real - offset) / scale), which
 * must lie in [low, high] of their input; one input after another.
 *
 * @param model the plan or manifest whose inputs the reading is for
 * @throws {TypeError} naming index or name of what is no number
 * @throws {RangeError} naming value, index, range and unit of what is out of range, or if
 * the number of values is wrong, in the reading or in a state
 *
 * @example
 * ```ts
 * import { quantise } from "@cipherlayer/sdk/protocol";
 *
 * const inputs = [{
 *   name: "room",
 *   shape: [2],
 *   labels: ["temperature", "pressure"],
 *   units: ["°C", "Pa"],
 *   scale: [0.5, 100],
 *   offset: [20, 1e5],
 *   low: -8,
 *   high: 7,
 * }];
 * const integers = quantise(
 *   { temperature: 23.5, pressure: 100140 },
 *   { inputs, states: [] },
 * );
 * if (integers.join() !== "7,1") throw new Error("wrong integers");
 * ```
 */
export function quantise(
  reading: Reading,
  model: ReadingForm,
  { clamp = false, states }: QuantiseOptions = {},
): Float64Array {
  return withStates(quantiseGiven(reading, model, clamp), model, states);
}

/** Integers of the inputs that a reading gives, by name; states may be absent. */
export type GivenIntegers = ReadonlyMap<string, Float64Array>;

/** What {@linkcode quantise} does before it knows the states; throws the same. */
export function quantiseGiven(
  reading: Reading,
  { inputs, states }: ReadingForm,
  clamp = false,
): GivenIntegers {
  const given = readingValues(reading, { inputs, states });
  const several = inputs.length > 1;
  return new Map(
    inputs.filter(({ name }) => given.has(name)).map((input) => [
      input.name,
      quantiseInput(given.get(input.name)!, input, clamp, several),
    ]),
  );
}

/**
 * All inputs one after another: those given, and the states where they are not.
 *
 * @throws {RangeError} if a state has not the length of its input
 */
export function withStates(
  given: GivenIntegers,
  { inputs }: ReadingForm,
  states?: ReadonlyMap<string, Float64Array>,
): Float64Array {
  return joinParts(inputs.map((input) => {
    const { name, shape } = input;
    const values = given.get(name);
    if (values) return values;
    const length = elementCount(shape);
    const state = states?.get(name) ??
      integersWithin(new Float64Array(length), input);
    if (state.length === length) return state;
    throw new RangeError(
      `Cannot use state "${name}": expected ${length} integers, got ${state.length}`,
    );
  }));
}

/** Elements of each of the equal blocks, each with one scale. */
function blockLength({ shape, scale }: ValuesSpec): number {
  return elementCount(shape) / scale.length;
}

function quantiseInput(
  values: Float64Array,
  input: InputSpec,
  clamp: boolean,
  several: boolean,
): Float64Array {
  const { scale, offset, low, high } = input;
  const length = blockLength(input);
  return values.map((value, index) => {
    const block = Math.floor(index / length);
    const integer = roundTo(value, scale[block], offset[block]);
    if (integer >= low && integer <= high) return integer;
    if (clamp && Number.isFinite(value)) return integer < low ? low : high;
    const ends = [low, high].map((end) => end * scale[block] + offset[block]);
    throw new RangeError(
      `Cannot quantise reading: expected a value in [${
        ends.sort((a, b) => a - b).join(", ")
      }]${unitOf(input, index)} at index ${index}${nameOf(input, index)}${
        several ? ` of "${input.name}"` : ""
      }, got ${value}${
        Number.isFinite(value) ? "; clamp moves values into the range" : ""
      }`,
    );
  });
}

/** The least real distance from an integer; adding 0 turns -0 into 0. */
function roundTo(value: number, scale: number, offset: number): number {
  return Math.round((value - offset) / scale) + 0;
}

function nameOf({ labels, shape }: ValuesSpec, index: number): string {
  const label = labels && partOf(labels, shape, index);
  return label === null ? "" : ` ("${label}")`;
}

function unitOf({ units, shape }: ValuesSpec, index: number): string {
  return units === null ? "" : ` ${partOf(units, shape, index)}`;
}

/** The entry of an element: there is one of it, of its channel, or one of all. */
function partOf(
  entries: readonly string[],
  shape: readonly number[],
  index: number,
): string {
  return entries[Math.floor(index * entries.length / elementCount(shape))];
}

/**
 * Real values as integers of an input, whatever they are: what is beyond its range is
 * moved to the end, what is no number is 0. So nothing that follows depends on them.
 */
export function integersWithin(
  values: ArrayLike<number>,
  input: InputSpec,
): Float64Array {
  const { scale, offset, low, high } = input;
  const length = blockLength(input);
  return Float64Array.from(values, (value, index) => {
    const block = Math.floor(index / length);
    const integer = roundTo(value, scale[block], offset[block]);
    const held = integer === integer ? integer : 0;
    return Math.min(Math.max(held, low), high);
  });
}

/** What integers of an output or input stand for. */
export function realValues(
  integers: Float64Array,
  spec: ValuesSpec,
): Float64Array {
  const { scale, offset } = spec;
  const length = blockLength(spec);
  return integers.map((integer, index) => {
    const block = Math.floor(index / length);
    return integer * scale[block] + offset[block];
  });
}

/** What the integers of a whole reading stand for, input after input. */
export function realReading(
  integers: Float64Array,
  inputs: readonly InputSpec[],
): Float64Array {
  let from = 0;
  return joinParts(inputs.map((input) => {
    const start = from, end = from += elementCount(input.shape);
    return realValues(integers.subarray(start, end), input);
  }));
}

/** The integers of an output among those of the activation that it is part of. */
export function outputIntegers(
  { start, shape }: OutputSpec,
  activation: Float64Array,
): Float64Array {
  return activation.slice(start, start + elementCount(shape));
}

/** The inputs as activations by name: `readings` holds one sample each, input after input. */
export function inputActivations(
  readings: readonly Float64Array[],
  inputs: readonly InputSpec[],
): Map<string, IntegerTensor> {
  let from = 0;
  return new Map(inputs.map(({ name, shape }) => {
    const start = from, end = from += elementCount(shape);
    const samples = inputs.length === 1
      ? [...readings]
      : readings.map((reading) => reading.subarray(start, end));
    return [name, { shape, samples }];
  }));
}

/** The integers of the next inference's states, given this one's outputs in real values. */
export function nextStates(
  { inputs, states }: ModelInterface,
  outputs: ReadonlyMap<string, ArrayLike<number>>,
): Map<string, Float64Array> {
  return new Map(states.map(({ input, output }) => {
    const spec = inputs.find(({ name }) => name === input)!;
    return [input, integersWithin(outputs.get(output)!, spec)];
  }));
}

function joinParts(parts: Float64Array[]): Float64Array {
  if (parts.length === 1) return parts[0];
  const all = new Float64Array(
    parts.reduce((sum, { length }) => sum + length, 0),
  );
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
