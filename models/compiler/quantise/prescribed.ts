/**
 * Quantisation that training has fixed (`quantisation.json`, described in
 * models/zoo/common/README.md): weights already lie on a grid, and the steps
 * between rounds are known, so that nothing is left to choose.
 *
 * @module
 */
import { elementCount } from "../../../sdk/fixed_point/integer_tensor.ts";
import type { InputSpec } from "../../../sdk/wire/values.ts";
import type { FloatNetwork } from "../ir.ts";
import type { BitWidths } from "./quantise.ts";

export interface PrescribedQuantisation {
  /** Of the only input: one scale and offset for all, or one for each block. */
  input: { scale: number[]; offset: number[]; low: number; high: number };
  rounds: PrescribedRound[];
}

export interface PrescribedRound {
  /** Value of one accumulator unit. */
  accumulatorScale: number;
  weightLimit: number;
  /** Null in the last round. */
  requantise:
    | { multiplier: number; shift: number; low: number; high: number }
    | null;
}

/**
 * Reads the file's text.
 *
 * @throws {RangeError} if it is no JSON, or naming the field that is missing, no
 * number or out of range
 */
export function parseQuantisation(text: string): PrescribedQuantisation {
  const root = object(parseJson(text), "quantisation");
  if (root.format !== "cipherlayer-quantisation-1") {
    refuse('format "cipherlayer-quantisation-1"', root.format);
  }
  if (!Array.isArray(root.layers)) {
    throw new RangeError("Cannot read quantisation: expected a list of layers");
  }
  return {
    input: {
      scale: numberOrList(root.input, "scale"),
      offset: numberOrList(root.input, "offset"),
      ...range(root.input, "input"),
    },
    rounds: root.layers.map((layer, i) => {
      const path = `layers[${i}]`;
      const { activation } = object(layer, path);
      return {
        ...numbers(layer, path, ["accumulatorScale"]),
        ...integers(layer, path, { weightLimit: [1, 2 ** 31 - 1] }),
        requantise: activation === null
          ? null
          : requantisation(activation, `${path}.activation`),
      };
    }),
  };
}

function requantisation(value: unknown, path: string) {
  return {
    ...integers(value, path, {
      multiplier: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
      shift: [0, 64],
    }),
    ...range(value, path),
  };
}

function numberOrList(input: unknown, name: string): number[] {
  const value = object(input, "input")[name];
  const list = Array.isArray(value) ? value : [value];
  if (list.every(Number.isFinite)) return list as number[];
  refuse(`input.${name} to be a number, or a list of numbers`, value);
}

/** The least and the greatest integer, in this order. */
function range(value: unknown, path: string) {
  const min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER;
  const { low } = integers(value, path, { low: [min, max] });
  return { low, ...integers(value, path, { high: [low, max] }) };
}

/** The widths that a prescription comes to. */
export function prescribedBits(
  { input, rounds }: PrescribedQuantisation,
): BitWidths {
  const width = (low: number, high: number) =>
    Math.ceil(Math.log2(high - low + 1));
  return {
    input: width(input.low, input.high),
    weights: rounds.map(({ weightLimit }) => width(-weightLimit, weightLimit)),
    activations: rounds.map(({ requantise }) =>
      requantise ? width(requantise.low, requantise.high) : 0
    ),
  };
}

/** How readings become integers, as the file says. */
export function prescribedInputs(
  { inputs: [{ name, shape }] }: FloatNetwork,
  { input }: PrescribedQuantisation,
): InputSpec[] {
  return [{ name, shape, labels: null, units: null, ...input }];
}

/** @throws {RangeError} where the file is for another network */
export function checkPrescription(
  { rounds, inputs }: FloatNetwork,
  prescribed: PrescribedQuantisation,
): void {
  if (inputs.length > 1) {
    throw new RangeError(
      `Cannot use quantisation: expected a model of one input, got ${inputs.length}`,
    );
  }
  const { scale, offset } = prescribed.input;
  const [{ shape }] = inputs;
  if (
    ![1, shape[0], elementCount(shape)].includes(scale.length) ||
    offset.length !== scale.length
  ) {
    throw new RangeError(
      `Cannot use quantisation: expected scales and offsets of an input of shape [${shape}], got ${scale.length} and ${offset.length}`,
    );
  }
  if (rounds.length !== prescribed.rounds.length) {
    throw new RangeError(
      `Cannot use quantisation: expected ${rounds.length} layers, got ${prescribed.rounds.length}`,
    );
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RangeError("Cannot read quantisation: expected JSON", { cause });
  }
}

function object(value: unknown, path: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null) {
    return value as Record<string, unknown>;
  }
  throw new RangeError(
    `Cannot read quantisation: expected ${path} to be a map`,
  );
}

function numbers<Name extends string>(
  value: unknown,
  path: string,
  names: Name[],
): Record<Name, number> {
  const fields = object(value, path);
  const entries = names.map((name) => {
    if (Number.isFinite(fields[name])) return [name, fields[name]];
    refuse(`${path}.${name} to be a number`, fields[name]);
  });
  return Object.fromEntries(entries as [Name, number][]) as Record<
    Name,
    number
  >;
}

function integers<Name extends string>(
  value: unknown,
  path: string,
  ranges: Record<Name, [low: number, high: number]>,
): Record<Name, number> {
  const names = Object.keys(ranges) as Name[];
  const fields = numbers(value, path, names);
  for (const name of names) {
    const [low, high] = ranges[name], number = fields[name];
    if (!Number.isInteger(number) || number < low || number > high) {
      refuse(`${path}.${name} to be an integer in [${low}, ${high}]`, number);
    }
  }
  return fields;
}

function refuse(expected: string, got: unknown): never {
  throw new RangeError(
    `Cannot read quantisation: expected ${expected}, got ${
      JSON.stringify(got)?.slice(0, 80) ?? "nothing"
    }`,
  );
}
