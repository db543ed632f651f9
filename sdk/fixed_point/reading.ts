/**
 * Readings as programs have them: lists, nested lists, typed arrays, or records by
 * name. Whatever is no number is refused with its place; nothing is converted.
 *
 * @module
 */
import type { InputSpec, ModelInterface } from "../wire/values.ts";
import { elementCount } from "./integer_tensor.ts";

/**
 * Numbers: all of an input in row-major order, or nested as its shape says. BigInts
 * count where a number holds them exactly.
 *
 * @example
 * ```ts
 * import type { ReadingValues } from "@cipherlayer/sdk";
 *
 * const flat: ReadingValues = new Float32Array(784);
 * const nested: ReadingValues = [[0, 0.5], [1, 0.25]]; // row by row
 * console.log(flat.length, nested.length);
 * ```
 */
export type ReadingValues =
  | number
  | bigint
  | ArrayLike<number | bigint>
  | readonly ReadingValues[];

/**
 * One reading. A list holds the values of all inputs one after another. A record
 * holds them by name: of inputs, or of the elements (channels) of the only input; an
 * input's own entry may again be a record of its elements.
 *
 * @example
 * ```ts
 * import type { Reading } from "@cipherlayer/sdk";
 *
 * const list: Reading = [21.5, 40, 650];
 * const record: Reading = { temperature: 21.5, humidity: 40, co2: 650 };
 * console.log(list, record); // session.infer(record)
 * ```
 */
export type Reading =
  | ReadingValues
  | { readonly [name: string]: ReadingValues | ReadingRecord };

/**
 * Values of one input by the names of its elements or channels.
 *
 * @example
 * ```ts
 * import type { ReadingRecord } from "@cipherlayer/sdk";
 *
 * const channels: ReadingRecord = { temperature: [21.5, 21.6], co2: [650, 655] };
 * console.log(channels);
 * ```
 */
export interface ReadingRecord {
  /** One number, or those of a channel. */
  readonly [name: string]: ReadingValues;
}

/** Deepest nesting of lists and records. */
const maxDepth = 10;

/** The part of a package or plan that tells what readings are. */
export type ReadingForm = Pick<ModelInterface, "inputs" | "states">;

/**
 * The values of each input that the reading gives, row-major.
 *
 * @returns by input; states may be absent
 * @throws {TypeError} naming index or name of what is no number, is missing, or does
 * not belong there
 * @throws {RangeError} if there are too few or too many values, or in another order
 */
export function readingValues(
  reading: Reading,
  form: ReadingForm,
): Map<string, Float64Array> {
  const states = new Set(form.states.map(({ input }) => input));
  const needed = form.inputs.filter(({ name }) => !states.has(name));
  if (!isRecord(reading)) return ofList(reading as ReadingValues, needed);
  const [only] = form.inputs;
  const byInput = form.inputs.length > 1 || Object.hasOwn(reading, only.name) &&
      !only.labels?.includes(only.name);
  if (!byInput) return new Map([[only.name, ofInput(reading, only, "")]]);
  refuseOthers(reading, form.inputs.map(({ name }) => name), "inputs");
  const given = new Map<string, Float64Array>();
  for (const input of form.inputs) {
    const { name } = input;
    if (Object.hasOwn(reading, name)) {
      const of = form.inputs.length > 1 ? ` of "${name}"` : "";
      given.set(name, ofInput(reading[name], input, of));
    } else if (!states.has(name)) missing(name);
  }
  return given;
}

/**
 * A copy of a reading in numbers, arrays and records alone, for code that keeps it
 * before its model is known.
 *
 * @throws {TypeError} naming index or name of what is no number
 * @throws {RangeError} the same of what is not finite
 */
export function copyOfReading(reading: Reading): Reading {
  return copyAt(reading, "");
}

/**
 * What `take` makes of each of several readings; its errors name the reading's number.
 *
 * @throws as `take` does
 */
export function eachReading<Given, Made>(
  readings: readonly Given[],
  take: (reading: Given) => Made,
): Made[] {
  return readings.map((reading, number) => {
    try {
      return take(reading);
    } catch (error) {
      const isOfReading = error instanceof TypeError ||
        error instanceof RangeError;
      if (!isOfReading || readings.length === 1) throw error;
      const message = error.message
        .replace(/^Cannot (\w+) reading\b/, `$& ${number}`);
      throw error instanceof TypeError
        ? new TypeError(message, { cause: error })
        : new RangeError(message, { cause: error });
    }
  });
}

function copyAt(value: unknown, where: string, depth = 0): ReadingValues {
  if (depth > maxDepth) {
    throw new TypeError(
      `Cannot use reading: expected lists of at most ${maxDepth} levels`,
    );
  }
  if (isList(value)) {
    const nested = isList(value[0]);
    return Array.from({ length: value.length }, (_, i) => {
      const at = `${where} at index ${i}`;
      return isList(value[i]) === nested
        ? copyAt(value[i], at, depth + 1)
        : numberAt(value[i], at);
    });
  }
  if (isRecord(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([name, of]) => [
        name,
        copyAt(of, `${where} at "${name}"`, depth + 1),
      ]),
    ) as unknown as ReadingValues;
  }
  const number = numberAt(value, where);
  if (Number.isFinite(number)) return number;
  throw new RangeError(
    `Cannot use reading: expected a finite number${where}, got ${number}`,
  );
}

/** Values of one input, or of several one after another. */
function ofList(
  values: ReadingValues,
  inputs: readonly InputSpec[],
): Map<string, Float64Array> {
  if (inputs.length === 1) {
    return new Map([[inputs[0].name, ofInput(values, inputs[0], "")]]);
  }
  const all = flat(values, {
    shape: [inputs.reduce((sum, { shape }) => sum + elementCount(shape), 0)],
    labels: null,
  }, "");
  let from = 0;
  return new Map(inputs.map(({ name, shape }) => {
    const part = all.subarray(from, from += elementCount(shape));
    return [name, part];
  }));
}

type Named = Pick<InputSpec, "shape" | "labels">;

function ofInput(
  value: ReadingValues | ReadingRecord,
  input: Named,
  of: string,
): Float64Array {
  if (!isRecord(value)) return flat(value as ReadingValues, input, of);
  const { labels, shape } = input;
  if (labels === null) {
    throw new TypeError(
      `Cannot use reading${of}: expected a list of ${
        elementCount(shape)
      } values, got a record; its elements have no names`,
    );
  }
  refuseOthers(value, labels, `elements${of}`);
  const each = elementCount(shape) / labels.length;
  const values = new Float64Array(elementCount(shape));
  labels.forEach((label, i) => {
    if (!Object.hasOwn(value, label)) missing(label);
    const part = { shape: each === 1 ? [1] : shape.slice(1), labels: null };
    values.set(flat(value[label], part, ` at "${label}"${of}`), i * each);
  });
  return values;
}

/** All numbers of a list, nested or not, in order. */
function flat(
  values: ReadingValues,
  { shape, labels }: Named,
  of: string,
): Float64Array {
  const length = elementCount(shape);
  if (!isList(values)) {
    if (typeof values === "number" || typeof values === "bigint") {
      if (length === 1) return Float64Array.of(numberAt(values, of));
    } else numberAt(values, of);
    throw new RangeError(
      `Cannot use reading${of}: expected ${length} values (${
        shape.join(" x ")
      }), got one`,
    );
  }
  const extents = extentsOf(values);
  if (extents.length > 1) requireShape(extents, shape, of);
  else if (values.length !== length) {
    throw new RangeError(
      `Cannot use reading${of}: expected ${length} values (${
        shape.join(" x ")
      }), got ${values.length}`,
    );
  }
  const result = new Float64Array(length);
  const named = labels?.length === length ? labels : null;
  let at = 0;
  const visit = (list: ArrayLike<unknown>, depth: number) => {
    if (list.length !== extents[depth]) {
      throw new RangeError(
        `Cannot use reading${of}: expected lists of ${
          extents[depth]
        } values, got one of ${list.length}`,
      );
    }
    for (let i = 0; i < list.length; i++) {
      const value = list[i];
      if (depth + 1 < extents.length) {
        if (!isList(value)) numberAt(value, `${of} in a list of lists`);
        visit(value as ArrayLike<unknown>, depth + 1);
      } else {
        result[at] = typeof value === "number" && value === value
          ? value
          : numberAt(
            value,
            ` at index ${at}${named ? ` ("${named[at]}")` : ""}${of}`,
          );
        at++;
      }
    }
  };
  visit(values, 0);
  return result;
}

/** Lengths of nested lists, as the first of each tells them. */
function extentsOf(values: ArrayLike<unknown>): number[] {
  const extents = [values.length];
  let inner = values[0];
  while (isList(inner) && extents.length <= maxDepth) {
    extents.push(inner.length);
    inner = inner[0];
  }
  return extents;
}

/** Checks the shape of nested lists; extents of 1 may be left out or added. */
function requireShape(
  got: readonly number[],
  shape: readonly number[],
  of = "",
): void {
  refuseTransposed(got, shape, of);
  if (withoutOnes(got).join() !== withoutOnes(shape).join()) {
    throw new RangeError(expectedShape(got, shape, of));
  }
}

/**
 * Refuses what has the model's extents in another order (NHWC for NCHW): its values
 * would be taken for others.
 *
 * @throws {RangeError} saying how to transpose it
 */
export function refuseTransposed(
  got: readonly number[],
  shape: readonly number[],
  of = "",
): void {
  const given = withoutOnes(got), wanted = withoutOnes(shape);
  const sorted = (extents: number[]) => extents.toSorted((a, b) => a - b);
  if (
    given.join() === wanted.join() ||
    sorted(given).join() !== sorted(wanted).join()
  ) return;
  const [from, to] = got.length === shape.length
    ? [got, shape]
    : [given, wanted];
  const left = [...from.keys()];
  const axes = to.map((extent) =>
    left.splice(left.findIndex((axis) => from[axis] === extent), 1)[0]
  );
  throw new RangeError(
    `${
      expectedShape(got, shape, of)
    }, the same extents in another order: transpose its axes to (${
      axes.join(", ")
    }) first`,
  );
}

function withoutOnes(extents: readonly number[]): number[] {
  return extents.filter((extent) => extent !== 1);
}

function expectedShape(
  got: readonly number[],
  shape: readonly number[],
  of: string,
): string {
  return `Cannot use reading${of}: expected shape [${shape.join(", ")}], got [${
    got.join(", ")
  }]`;
}

function numberAt(value: unknown, where: string): number {
  if (typeof value === "number" && !Number.isNaN(value)) return value;
  if (typeof value === "bigint") {
    if (BigInt(Number(value)) === value) return Number(value);
    throw new RangeError(
      `Cannot use reading: expected a BigInt that a number holds${where}, got ${value}`,
    );
  }
  throw new TypeError(
    `Cannot use reading: expected a number${where}, got ${kindOf(value)}`,
  );
}

function kindOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string") {
    return value.length > 20
      ? `text of ${value.length} characters`
      : JSON.stringify(value);
  }
  if (typeof value !== "object" || value === null) return String(value);
  if (isList(value)) return `a list of ${value.length}`;
  return `an object (${value.constructor?.name || "no class"})`;
}

function missing(name: string): never {
  throw new TypeError(
    `Cannot use reading: expected a number at "${name}", got nothing`,
  );
}

function refuseOthers(
  record: { readonly [name: string]: unknown },
  names: readonly string[],
  what: string,
): void {
  const known = new Set(names);
  const other = Object.keys(record).find((name) => !known.has(name));
  if (other === undefined) return;
  const shown = names.length > 12
    ? `${names.slice(0, 12).join(", ")}, ...`
    : names.join(", ");
  throw new TypeError(
    `Cannot use reading: expected the ${what} ${shown}, got ${
      JSON.stringify(other.slice(0, 40))
    }`,
  );
}

function isList(value: unknown): value is ArrayLike<unknown> {
  if (Array.isArray(value)) return true;
  if (typeof value !== "object" || value === null) return false;
  if (ArrayBuffer.isView(value)) return !(value instanceof DataView);
  if (isPlain(value)) return false;
  const { length } = value as { length?: unknown };
  return Number.isSafeInteger(length) &&
    (length === 0 || 0 in value && (length as number) > 0);
}

/** A map of names; objects of classes (a Date, a Map) are none. */
function isRecord(
  value: unknown,
): value is { readonly [name: string]: ReadingValues } {
  return typeof value === "object" && value !== null && !isList(value) &&
    isPlain(value);
}

/** Written in braces: a record, even if one of its names is "length". */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
