/**
 * The form of everything that packages and plans share: what a model takes and
 * gives, and the steps between rounds.
 *
 * @module
 */
import {
  maxAddend,
  maxAxes,
  maxCount,
  maxFactors,
  maxLabels,
  maxNameLength,
  maxShift,
  maxTableEntries,
  maxTensors,
} from "./limits.ts";
import type { Combination, GatewayStep } from "./plan.ts";
import {
  type Check,
  fields,
  integer,
  list,
  literal,
  Mismatch,
  nullable,
  printableText,
  real,
  record,
  tagged,
  truth,
  tuple,
} from "./schema.ts";
import type {
  InputSpec,
  ModelInterface,
  OutputSpec,
  Reveal,
  ScoreDisplay,
  StateSpec,
  ValuesSpec,
} from "./values.ts";

export const count = integer(1, maxCount);
export const exact = integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
export const name = printableText(maxNameLength);
export const shape = list(count, maxAxes);
export const pair = tuple<[number, number]>(count, count);
const whole = integer(0, maxCount);
const axis = integer(0, maxAxes - 1);
const pads = tuple<[number, number, number, number]>(
  whole,
  whole,
  whole,
  whole,
);

const values = {
  name,
  shape,
  labels: nullable(list(name, maxLabels)),
  units: nullable(list(name, maxLabels)),
  scale: list(real, maxLabels),
  offset: list(real, maxLabels),
} satisfies { [K in keyof ValuesSpec]: Check<ValuesSpec[K]> };

/** The members of what a model takes and gives. */
export const interfaceFields: {
  [K in keyof ModelInterface]: Check<ModelInterface[K]>;
} = {
  inputs: list(
    record<InputSpec>({ ...values, low: exact, high: exact }),
    maxTensors,
  ),
  outputs: list(
    record<OutputSpec>({
      ...values,
      tensor: name,
      start: whole,
      tail: literal<ScoreDisplay>("none", "softmax", "logSoftmax"),
    }),
    maxTensors,
  ),
  states: list(record<StateSpec>({ input: name, output: name }), maxTensors),
  reveal: literal<Reveal>("scores", "label"),
  powerOfTwo: truth,
};

type Op = GatewayStep["op"];
type Step<O extends Op> = Extract<GatewayStep, { op: O }>;

type Combine<B extends Combination["by"]> = Extract<
  Step<"combine">,
  { by: B }
>;

const combined = {
  op: literal<"combine">("combine"),
  with: name,
  shape,
  withShape: shape,
};

/** A `combine` step, whose members go by what it does. */
const combine = tagged<Step<"combine">>(
  "by",
  {
    sum: record<Combine<"sum">>({
      ...combined,
      by: literal("sum"),
      factors: tuple<[number, number]>(exact, exact),
    }),
    product: record<Combine<"product">>({
      ...combined,
      by: literal("product"),
    }),
    quotient: record<Combine<"quotient">>({
      ...combined,
      by: literal("quotient"),
      multiplier: exact,
    }),
  } satisfies { [B in Combination["by"]]: Check<Combine<B>> },
);

interface KnownStep<T> {
  version: number;
  check: Check<T>;
}

/** What this release knows of each step: its version and its members. */
const steps: { [O in Op]: KnownStep<Step<O>> } = {
  relu: firstVersion<Step<"relu">>({ op: literal("relu") }),
  leakyRelu: firstVersion<Step<"leakyRelu">>({
    op: literal("leakyRelu"),
    positive: count,
    negative: list(exact, maxFactors),
  }),
  sumPool: firstVersion<Step<"sumPool">>({
    op: literal("sumPool"),
    kernel: pair,
    stride: pair,
    pads,
  }),
  meanPool: firstVersion<Step<"meanPool">>({
    op: literal("meanPool"),
    kernel: pair,
    stride: pair,
    pads,
    counted: pads,
    multiple: count,
  }),
  maxPool: firstVersion<Step<"maxPool">>({
    op: literal("maxPool"),
    kernel: pair,
    stride: pair,
    dilation: pair,
    pads,
  }),
  requantise: firstVersion<Step<"requantise">>({
    op: literal("requantise"),
    multiplier: exact,
    shift: integer(0, maxShift),
    low: exact,
    high: exact,
  }),
  lookup: firstVersion<Step<"lookup">>({
    op: literal("lookup"),
    multiplier: exact,
    shift: integer(0, maxShift),
    low: exact,
    table: list(exact, maxTableEntries),
  }),
  reshape: firstVersion<Step<"reshape">>({ op: literal("reshape"), shape }),
  transpose: firstVersion<Step<"transpose">>({
    op: literal("transpose"),
    shape,
    order: list(axis, maxAxes),
  }),
  keep: firstVersion<Step<"keep">>({ op: literal("keep"), as: name }),
  take: firstVersion<Step<"take">>({
    op: literal("take"),
    from: name,
    start: whole,
    shape,
  }),
  combine: { version: 1, check: combine },
  matmul: firstVersion<Step<"matmul">>({
    op: literal("matmul"),
    with: name,
    shape,
    withShape: shape,
  }),
  reduce: firstVersion<Step<"reduce">>({
    op: literal("reduce"),
    by: literal("sum", "max", "min"),
    shape,
    axes: list(axis, maxAxes),
  }),
  squareRoot: firstVersion<Step<"squareRoot">>({
    op: literal("squareRoot"),
    addend: integer(0, maxAddend),
  }),
  selectLargest: firstVersion<Step<"selectLargest">>({
    op: literal("selectLargest"),
  }),
  isNonNegative: firstVersion<Step<"isNonNegative">>({
    op: literal("isNonNegative"),
  }),
  custom: firstVersion<Step<"custom">>({
    op: literal("custom"),
    name,
    inputScale: real,
    outputScale: real,
    low: exact,
    high: exact,
  }),
};

function firstVersion<T extends GatewayStep>(
  members: { [K in keyof T]-?: Check<T[K]> },
): KnownStep<T> {
  return { version: 1, check: record<T>(members) };
}

/** A step as packages and plans hold it: with its version. */
export const step: Check<GatewayStep> = (value, path) => {
  const { version, ...members } = fields(value, path);
  const { op } = members;
  if (typeof op !== "string" || !Object.hasOwn(steps, op)) {
    throw new Mismatch(
      `expected ${path} to be a step that this release knows, got ${
        JSON.stringify(op)?.slice(0, 60) ?? "none"
      }`,
    );
  }
  const known = steps[op as Op];
  if (version !== known.version) {
    throw new Mismatch(
      `expected ${path} to be version ${known.version} of ${op}, got ${
        JSON.stringify(version)?.slice(0, 60) ?? "none"
      }`,
    );
  }
  return known.check(members, path);
};

/** The rounds as packages and plans hold them: each step with its version. */
export function withStepVersions<R extends { steps: readonly GatewayStep[] }>(
  rounds: readonly R[],
): R[] {
  return rounds.map((round) => ({
    ...round,
    steps: round.steps.map((step) => ({
      ...step,
      version: steps[step.op]?.version,
    })),
  }));
}
