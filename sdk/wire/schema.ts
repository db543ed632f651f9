/**
 * Checks decoded bodies: each check takes an unknown value and returns it typed, or names
 * the place where it does not fit.
 *
 * @module
 */
import { printable } from "../support/printable.ts";

/**
 * Checks of decoded bodies: a check takes an unknown value and the path at which
 * it stands, and returns it typed, rebuilt from known fields alone.
 */
export type Check<T> = (value: unknown, path: string) => T;

/** Thrown by a check; the codec wraps it into the error that callers see. */
export class Mismatch extends Error {
  /** @param message may quote the other side's texts: it is made safe to print */
  constructor(message: string) {
    super(printable(message));
  }
}

function refuse(path: string, expected: string, value: unknown): never {
  throw new Mismatch(`expected ${path} to be ${expected}, got ${kind(value)}`);
}

/** A few words on a value, short whatever it is. */
function kind(value: unknown): string {
  if (typeof value === "number" || typeof value === "boolean") {
    return `${value}`;
  }
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "string") return `text of ${value.length} characters`;
  if (value === null || value === undefined) return "nothing";
  return typeof value === "object" ? "a map" : typeof value;
}

export function integer(low: number, high: number): Check<number> {
  return (value, path) =>
    Number.isInteger(value) && (value as number) >= low &&
      (value as number) <= high
      ? value as number
      : refuse(path, `an integer in [${low}, ${high}]`, value);
}

export const real: Check<number> = (value, path) =>
  Number.isFinite(value)
    ? value as number
    : refuse(path, "a finite number", value);

export const truth: Check<boolean> = (value, path) =>
  typeof value === "boolean" ? value : refuse(path, "true or false", value);

export function text(maxCharacters: number): Check<string> {
  return (value, path) =>
    typeof value === "string" && value.length <= maxCharacters
      ? value
      : refuse(path, `text of at most ${maxCharacters} characters`, value);
}

/** Short text of the other side that any printer may print: see {@linkcode printable}. */
export function printableText(maxCharacters: number): Check<string> {
  const check = text(maxCharacters);
  return (value, path) => printable(check(value, path));
}

export function bytes(max: number): Check<Uint8Array> {
  return (value, path) =>
    value instanceof Uint8Array && value.length <= max
      ? value
      : refuse(path, `at most ${max} bytes`, value);
}

export function exactBytes(length: number): Check<Uint8Array> {
  return (value, path) =>
    value instanceof Uint8Array && value.length === length
      ? value
      : refuse(path, `${length} bytes`, value);
}

export function list<T>(of: Check<T>, max: number): Check<T[]> {
  return (value, path) =>
    Array.isArray(value) && value.length <= max
      ? value.map((item, i) => of(item, `${path}[${i}]`))
      : refuse(path, `a list of at most ${max}`, value);
}

/** A list of exactly as many items as there are checks. */
export function tuple<T extends unknown[]>(
  ...of: { [I in keyof T]: Check<T[I]> }
): Check<T> {
  return (value, path) =>
    Array.isArray(value) && value.length === of.length
      ? value.map((item, i) => of[i](item, `${path}[${i}]`)) as T
      : refuse(path, `a list of ${of.length}`, value);
}

export function nullable<T>(of: Check<T>): Check<T | null> {
  return (value, path) => value === null ? null : of(value, path);
}

/** A field that may be left out. */
export function optional<T>(of: Check<T>): Check<T | undefined> {
  return (value, path) => value === undefined ? undefined : of(value, path);
}

export function literal<T extends string | number>(...of: T[]): Check<T> {
  return (value, path) =>
    of.includes(value as T)
      ? value as T
      : refuse(path, `one of ${of.join(", ")}`, value);
}

/** A map of exactly these fields; those that are optional may be missing. */
export function record<T>(
  checks: { [K in keyof T]-?: Check<T[K]> },
): Check<T> {
  const names = Object.keys(checks) as (keyof T & string)[];
  return (value, path) => {
    const map = fields(value, path);
    for (const name of Object.keys(map)) {
      if (!Object.hasOwn(checks, name)) {
        throw new Mismatch(
          `expected ${path} to have fields ${names.join(", ")}, got ${
            JSON.stringify(name.slice(0, 40))
          }`,
        );
      }
    }
    return Object.fromEntries(
      names.map((name) => [name, checks[name](map[name], `${path}.${name}`)])
        .filter(([, field]) => field !== undefined),
    ) as T;
  };
}

/** A map whose field `tag` says which of `cases` it must satisfy. */
export function tagged<T>(
  tag: keyof T & string,
  cases: Record<string, Check<T>>,
): Check<T> {
  const known = literal(...Object.keys(cases));
  return (value, path) =>
    cases[known(fields(value, path)[tag], `${path}.${tag}`)](value, path);
}

/** The fields of a map, whatever they are. */
export function fields(value: unknown, path: string): Record<string, unknown> {
  return typeof value === "object" && value !== null &&
      !Array.isArray(value) && !(value instanceof Uint8Array)
    ? value as Record<string, unknown>
    : refuse(path, "a map", value);
}
