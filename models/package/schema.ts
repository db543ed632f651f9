/** Check of `manifest.json`: strict, so that a newer format is refused, not misread. */
import { step } from "../../sdk/wire/codec.ts";
import {
  maxAxes,
  maxCount,
  maxLabels,
  maxNameLength,
  maxRounds,
  maxSteps,
} from "../../sdk/wire/limits.ts";
import {
  type Check,
  integer,
  list,
  literal,
  Mismatch,
  nullable,
  real,
  record,
  tagged,
  text,
  tuple,
} from "../../sdk/wire/schema.ts";
import type { Reveal, ScoreDisplay } from "../../sdk/wire/plan.ts";
import type {
  ConvolutionTerm,
  DenseTerm,
  Manifest,
  PrivacyProfile,
  RoundSpec,
  Term,
} from "./format.ts";

const count = integer(1, maxCount);
/** Negative where a convolution skips the margin of its input. */
const pad = integer(-maxCount, maxCount);
const exact = integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
const name = text(maxNameLength);
const shape = list(count, maxAxes);
const pair = tuple<[number, number]>(count, count);

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

export const manifestCheck: Check<Manifest> = record({
  format: literal("cipherlayer-model-1"),
  name,
  version: name,
  input: record({ shape, scale: real, offset: real, low: exact, high: exact }),
  rounds: list(round, maxRounds),
  output: record({
    shape,
    scale: real,
    labels: nullable(list(name, maxLabels)),
    tail: literal<ScoreDisplay>("none", "softmax", "logSoftmax"),
  }),
  privacy: literal<PrivacyProfile>("paper", "standard", "strict", "sealed"),
  reveal: literal<Reveal>("scores", "label"),
  provenance: dictionary(textOrNumber),
  files: dictionary(text(64)),
});
