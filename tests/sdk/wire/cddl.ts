/** Checks decoded CBOR against CDDL (RFC 8610), as far as PROTOCOL.md uses it. */
import { type Assignment, parse, type Property } from "cddl";

export type Rules = ReadonlyMap<string, Assignment>;

/** @param path of a file that holds nothing but CDDL */
export function readRules(path: string): Rules {
  return new Map(parse(path).map((rule) => [rule.Name, rule]));
}

/** Whether `value` is what the rule of that name describes. */
export function conforms(rules: Rules, name: string, value: unknown): boolean {
  const rule = rules.get(name);
  if (!rule) return isOfPrelude(name, value);
  switch (rule.Type) {
    case "variable":
      return isOneOf(rules, rule.PropertyType, value);
    case "array":
      return isList(rules, rule.Values as Property[], value);
    case "group":
      return isMap(rules, rule.Properties as Property[], value);
  }
}

function isMap(rules: Rules, members: Property[], value: unknown): boolean {
  if (
    typeof value !== "object" || value === null || Array.isArray(value) ||
    value instanceof Uint8Array
  ) return false;
  const entries = Object.entries(value);
  const known = new Set(members.map(({ Name }) => Name));
  return entries.every(([name]) => known.has(name)) &&
    members.every((member) => {
      const entry = entries.find(([name]) => name === member.Name);
      return entry
        ? isOneOf(rules, member.Type, entry[1])
        : member.Occurrence.n === 0;
    });
}

function isList(rules: Rules, items: Property[], value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  const [{ Occurrence, Type }] = items;
  const min = Occurrence.n ?? 0, max = Occurrence.m ?? Infinity;
  if (items.length === 1 && (min !== 1 || max !== 1)) {
    return value.length >= min && value.length <= max &&
      value.every((item) => isOneOf(rules, Type, item));
  }
  return value.length === items.length &&
    items.every((item, i) => isOneOf(rules, item.Type, value[i]));
}

/** A type as the parser gives it: a name, or one of several kinds of description. */
// deno-lint-ignore no-explicit-any
type Description = any;

function isOneOf(
  rules: Rules,
  types: Description,
  value: unknown,
): boolean {
  return [types].flat().some((type) => isOf(rules, type, value));
}

function isOf(rules: Rules, type: Description, value: unknown): boolean {
  if (typeof type === "string") return isOfPrelude(type, value);
  switch (type.Type) {
    case "literal":
      return value === type.Value;
    case "group":
      return conforms(rules, type.Value, value);
    case "array":
      return isList(rules, type.Values, value);
    case "range":
      return Number.isInteger(value) && isWithin(type.Value, value as number);
    case "bstr": {
      const { Operator } = type;
      if (Operator.Type !== "size") throw new Error(JSON.stringify(type));
      return value instanceof Uint8Array &&
        isWithin(Operator.Value.Value, value.length);
    }
  }
  throw new Error(`No check for ${JSON.stringify(type)}`);
}

function isWithin(range: Description, value: number): boolean {
  const { Min, Max, Inclusive } = range;
  if (!Inclusive) throw new Error("No check for ranges without their end");
  return value >= Min.Value && value <= Max.Value;
}

function isOfPrelude(name: string, value: unknown): boolean {
  switch (name) {
    case "tstr":
      return typeof value === "string";
    case "number":
      return Number.isFinite(value);
    case "bool":
      return typeof value === "boolean";
    case "null":
      return value === null;
  }
  throw new Error(`No rule ${name}`);
}
