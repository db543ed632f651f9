/**
 * Check of `manifest.json`: strict, so that a newer format is refused, not misread.
 *
 * @module
 */
import {
  count,
  exact,
  interfaceFields,
  name,
  pair,
  shape,
  step,
} from "../../sdk/wire/parts.ts";
import { maxCount, maxRounds, maxSteps } from "../../sdk/wire/limits.ts";
import {
  type Check,
  fields,
  integer,
  list,
  literal,
  Mismatch,
  real,
  record,
  tagged,
  text,
  tuple,
} from "../../sdk/wire/schema.ts";
import {
  type ConvolutionTerm,
  type DenseTerm,
  type Manifest,
  packageFormat,
  type PrivacyProfile,
  type RoundSpec,
  type Term,
} from "./format.ts";

/** Negative where a convolution skips the margin of its input. */
const pad = integer(-maxCount, maxCount);

/** A map with any keys; the fields of `record` are fixed. */
function dictionary<T>(of: Check<T>): Check<Record<string, T>> {
  return (value, path) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new Mismatch(`expected ${path} to be a map`);
    }
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        key,
        of(item, `${path}.${key}`),
      ]),
    );
  };
}

const term = tagged<Term>("kind", {
  convolution: record<ConvolutionTerm>({
    kind: literal("convolution"),
    reads: name,
    inputShape: tuple<[number, number, number]>(count, count, count),
    low: exact,
    high: exact,
    weights: name,
    kernel: pair,
    stride: pair,
    dilation: pair,
    pads: tuple<[number, number, number, number]>(pad, pad, pad, pad),
    groups: count,
  }),
  dense: record<DenseTerm>({
    kind: literal("dense"),
    reads: name,
    length: count,
    low: exact,
    high: exact,
    weights: name,
  }),
});

const round: Check<RoundSpec> = record({
  name,
  terms: list(term, 64),
  outputShape: shape,
  bias: name,
  bound: integer(0, Number.MAX_SAFE_INTEGER),
  steps: list(step, maxSteps),
  writes: name,
});

const textOrNumber: Check<string | number> = (value, path) =>
  typeof value === "number" ? real(value, path) : text(4096)(value, path);

const manifest: Check<Manifest> = record({
  format: literal(packageFormat),
  name,
  version: name,
  ...interfaceFields,
  rounds: list(round, maxRounds),
  privacy: literal<PrivacyProfile>("paper", "standard", "strict", "sealed"),
  provenance: dictionary(textOrNumber),
  files: dictionary(text(64)),
});

/** A manifest as its file holds it. Other formats are refused with the way out. */
export const manifestCheck: Check<Manifest> = (value, path) => {
  const { format } = fields(value, path);
  const version = /^cipherlayer-model-(\d{1,6})$/.exec(String(format))?.[1];
  if (version === undefined || format === packageFormat) {
    return manifest(value, path);
  }
  throw new Mismatch(
    version === "1"
      ? "package format 1: compile its ONNX file again with `cipherlayer compile`"
      : `package format ${version}, newer than this release knows: update it`,
  );
};
