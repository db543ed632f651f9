/**
 * Names and units of what a model takes and gives: as the command line says, else
 * as the ONNX file's metadata do.
 *
 * @module
 */
import type { ValuesSpec } from "../../sdk/wire/values.ts";

/** Names of the only input or output; or of each, by its own name. */
export type NamesOfParts = string[] | { [name: string]: string[] };

/** The names that can be given. */
export interface GivenNames {
  inputNames?: NamesOfParts;
  units?: NamesOfParts;
  labels?: NamesOfParts;
}

/** The metadata's key of each. */
const keys = {
  inputNames: "input_names",
  units: "units",
  labels: "labels",
} as const;

/**
 * The names given, or those of the file: a JSON list under `input_names`, `units` or
 * `labels`, or a map of lists by input or output.
 *
 * @throws {RangeError} where the file's are no such JSON
 */
export function namesIn(
  metadata: ReadonlyMap<string, string>,
  given: GivenNames,
): GivenNames {
  const names = { ...given };
  for (const kind of Object.keys(keys) as (keyof GivenNames)[]) {
    const text = metadata.get(keys[kind]);
    if (text === undefined || given[kind] !== undefined) continue;
    names[kind] = parseNames(text, `the file's metadata "${keys[kind]}"`);
  }
  return names;
}

/**
 * Reads names in JSON: a list, or a map of lists.
 *
 * @param source named in errors
 * @throws {RangeError} if they are anything else
 */
export function parseNames(text: string, source: string): NamesOfParts {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Told below.
  }
  if (isNames(value)) return value;
  if (
    typeof value === "object" && value !== null && !Array.isArray(value) &&
    Object.values(value).every(isNames)
  ) return value as NamesOfParts;
  throw new RangeError(
    `Cannot use ${source}: expected a list of names in JSON, or a map of lists`,
  );
}

function isNames(value: unknown): value is string[] {
  return Array.isArray(value) &&
    value.every((name) => typeof name === "string");
}

/** What a score is called: its label, else its number. */
export function scoreName(
  labels: NamesOfParts | undefined,
  score: number,
): string | number {
  return Array.isArray(labels) ? labels[score] ?? score : score;
}

/**
 * The inputs or outputs with names and units.
 *
 * @param what "input" or "output", for errors
 * @throws {RangeError} naming what is no input or output, or has another number of elements
 */
export function withNames<T extends ValuesSpec>(
  what: string,
  specs: readonly T[],
  labels?: NamesOfParts,
  units?: NamesOfParts,
): T[] {
  const labelsOf = byName(what, specs, labels);
  const unitsOf = byName(what, specs, units);
  return specs.map((spec) => ({
    ...spec,
    labels: labelsOf(spec.name),
    units: unitsOf(spec.name),
  }));
}

function byName(
  what: string,
  specs: readonly ValuesSpec[],
  names?: NamesOfParts,
): (name: string) => string[] | null {
  if (names === undefined) return () => null;
  const known = specs.map(({ name }) => name);
  if (Array.isArray(names)) {
    if (specs.length === 1) return () => names;
    throw new RangeError(
      `Cannot name elements: expected names of each ${what} (${
        known.join(", ")
      }), got one list`,
    );
  }
  const other = Object.keys(names).find((name) => !known.includes(name));
  if (other !== undefined) {
    throw new RangeError(
      `Cannot name elements: expected the ${what} ${known.join(" or ")}, got ${
        JSON.stringify(other)
      }`,
    );
  }
  return (name) => Object.hasOwn(names, name) ? names[name] : null;
}
