/**
 * Quantisation that training has fixed (`quantisation.json`, described in
 * models/zoo/common/README.md): weights already lie on a grid, and the steps
 * between rounds are known, so that nothing is left to choose.
 */
import type { FloatNetwork } from "../ir.ts";
import type { BitWidths } from "./quantise.ts";

export interface PrescribedQuantisation {
  input: { scale: number; offset: number; low: number; high: number };
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
 * @throws {RangeError} naming the field that is missing or no number
 */
export function parseQuantisation(text: string): PrescribedQuantisation {
  const root = object(JSON.parse(text), "quantisation");
  if (root.format !== "cipherlayer-quantisation-1") {
    throw new RangeError(
      `Cannot read quantisation: expected format "cipherlayer-quantisation-1", got ${
        JSON.stringify(root.format)
      }`,
    );
  }
  if (!Array.isArray(root.layers)) {
    throw new RangeError("Cannot read quantisation: expected a list of layers");
  }
  return {
    input: numbers(root.input, "input", ["scale", "offset", "low", "high"]),
    rounds: root.layers.map((layer, i) => {
      const path = `layers[${i}]`;
      const { activation } = object(layer, path);
      return {
        ...numbers(layer, path, ["accumulatorScale", "weightLimit"]),
        requantise: activation === null
          ? null
          : numbers(activation, `${path}.activation`, [
            "multiplier",
            "shift",
            "low",
            "high",
          ]),
      };
    }),
  };
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

/** @throws {RangeError} where the file is for another network */
export function checkPrescription(
  { rounds }: FloatNetwork,
  prescribed: PrescribedQuantisation,
): void {
  if (rounds.length !== prescribed.rounds.length) {
    throw new RangeError(
      `Cannot use quantisation: expected ${rounds.length} layers, got ${prescribed.rounds.length}`,
    );
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
    if (typeof fields[name] === "number") return [name, fields[name]];
    throw new RangeError(
      `Cannot read quantisation: expected ${path}.${name} to be a number, got ${
        JSON.stringify(fields[name])
      }`,
    );
  });
  return Object.fromEntries(entries);
}
