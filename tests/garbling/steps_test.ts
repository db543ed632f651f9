/**
 * Stages of steps against `applySteps`, bit for bit, on shapes and steps at random.
 *
 * @module
 */
import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import { applySteps } from "../../sdk/activations/apply.ts";
import { roundingOf, simplify } from "../../sdk/garbling/rounds/simplify.ts";
import { bitsOf, stepStages } from "../../sdk/garbling/rounds/steps.ts";
import type { GatewayStep } from "../../sdk/wire/plan.ts";
import { runStages } from "./clear_stages.ts";

const bound = 90;
const small = (min: number, max: number) => fc.integer({ min, max });
const pair = (min: number, max: number) =>
  fc.tuple(small(min, max), small(min, max));
const pads = fc.tuple(small(0, 2), small(0, 2), small(0, 2), small(0, 2));

/** A step that the gateway might have to do on maps. */
const step: fc.Arbitrary<GatewayStep> = fc.oneof(
  fc.constant<GatewayStep>({ op: "relu" }),
  fc.record({
    op: fc.constant("leakyRelu" as const),
    positive: small(-3, 9),
    negative: fc.oneof(
      small(-9, 9).map((slope) => [slope]),
      fc.tuple(small(-9, 9), small(-9, 9)),
    ),
  }),
  fc.record({
    op: fc.constant("sumPool" as const),
    kernel: pair(1, 3),
    stride: pair(1, 3),
    pads,
  }),
  fc.record({
    op: fc.constant("maxPool" as const),
    kernel: pair(1, 3),
    stride: pair(1, 2),
    dilation: pair(1, 2),
    pads,
  }),
  fc.record({
    op: fc.constant("meanPool" as const),
    kernel: pair(1, 3),
    stride: pair(1, 3),
    pads,
    counted: fc.tuple(small(0, 1), small(0, 1), small(0, 1), small(0, 1)),
    multiple: fc.constant(36),
  }),
  fc.record({
    op: fc.constant("requantise" as const),
    multiplier: fc.oneof(small(1, 99), fc.constantFrom(1, 2, 4)),
    shift: small(0, 9),
    low: fc.oneof(small(-20, 3), fc.constant(0)),
    high: fc.oneof(small(3, 40), fc.constantFrom(15, 31)),
  }),
  fc.record({
    op: fc.constant("lookup" as const),
    multiplier: small(1, 9),
    shift: small(1, 6),
    low: small(-9, 9),
    table: fc.array(small(-30, 30), { minLength: 1, maxLength: 20 }),
  }),
  fc.constant<GatewayStep>({
    op: "transpose",
    shape: [2, 2, 3],
    order: [0, 2, 1],
  }),
  fc.constant<GatewayStep>({ op: "isNonNegative" }),
  fc.constant<GatewayStep>({ op: "selectLargest" }),
);

const reading = (elements: number) =>
  fc.array(
    fc.oneof(fc.constantFrom(-bound, -1, 0, 1, bound), small(-bound, bound)),
    { minLength: elements, maxLength: elements },
  );

async function compare(
  steps: GatewayStep[],
  shape: number[],
  samples: number[][],
) {
  const rounding = roundingOf(steps, 9);
  const start = {
    low: -bound,
    high: bound + rounding,
    shape,
    samples: samples.length,
  };
  const { stages, elements } = stepStages(steps, start, rounding);
  const expected = applySteps(steps, {
    shape,
    samples: samples.map((values) => Float64Array.from(values)),
  });
  deepEqual(elements.shape, expected.shape);
  const integers = expected.samples.flatMap((values) => [...values]);
  deepEqual(
    await runStages(
      stages,
      samples.flat().map((x) => x + rounding),
      bitsOf(start),
      {
        count: integers.length,
        bits: bitsOf(elements),
      },
    ),
    integers.map((x) => x + 0),
  );
}

/** Whether every step leaves something to work on, of the shape that it says. */
function fits(steps: GatewayStep[], shape: number[]): boolean {
  const isMisplaced = ({ op }: GatewayStep, index: number) =>
    op === "transpose" && (index > 0 || shape.join() !== "2,6");
  if (steps.some(isMisplaced)) return false;
  return steps.every((_, i) => {
    const before = steps.slice(0, i + 1);
    const zeros = new Float64Array(shape.reduce((a, b) => a * b));
    const after = applySteps(before, { shape, samples: [zeros] });
    const { length } = after.samples[0];
    return length > 0 && length === after.shape.reduce((a, b) => a * b);
  });
}

Deno.test("stages of any steps equal the integer steps", async () => {
  const cases = fc.tuple(
    fc.array(step, { minLength: 1, maxLength: 3 }),
    fc.constantFrom<number[][]>([2, 3, 4], [2, 1, 7], [2, 6]),
    small(1, 2),
  ).filter(([steps, shape]) => fits(steps, shape))
    .chain(([steps, shape, samples]) =>
      fc.tuple(
        fc.constant(steps),
        fc.constant(shape),
        fc.array(reading(shape.reduce((a, b) => a * b)), {
          minLength: samples,
          maxLength: samples,
        }),
      )
    );
  await fc.assert(fc.asyncProperty(cases, (x) => compare(...x)), {
    numRuns: 200,
  });
});

Deno.test("a window wholly in the padding gives 0, to steps after it too", async () => {
  const pool = {
    kernel: [1, 1] as [number, number],
    stride: [2, 2] as [number, number],
    pads: [2, 0, 0, 1] as [number, number, number, number],
  };
  const reading = Array.from({ length: 8 }, (_, i) => i - 5);
  const after: GatewayStep = {
    op: "requantise",
    multiplier: 3,
    shift: 2,
    low: 2,
    high: 9,
  };
  await compare([{ op: "sumPool", ...pool }, after], [2, 2, 2], [reading]);
  await compare([{ op: "maxPool", dilation: [1, 1], ...pool }, after], [
    2,
    2,
    2,
  ], [
    reading,
  ]);
});

const scaling = (low: number): GatewayStep => ({
  op: "requantise",
  multiplier: 1,
  shift: 4,
  low,
  high: 15,
});
const maxima: GatewayStep = {
  op: "maxPool",
  kernel: [1, 2],
  stride: [1, 2],
  dilation: [1, 1],
  pads: [0, 0, 0, 0],
};

Deno.test("steps are simplified where that leaves every integer as it is", () => {
  const relu: GatewayStep = { op: "relu" };
  deepEqual(simplify([relu, maxima, scaling(0)]), [scaling(0), maxima]);
  deepEqual(simplify([relu, scaling(-1)]), [relu, scaling(-1)]);
  // A window in the padding gives 0, which this one would raise to 1.
  deepEqual(simplify([maxima, scaling(1)]), [maxima, scaling(1)]);
});

Deno.test("a first shift is rounded by what the accumulators carry, if they hold it", () => {
  equal(roundingOf([{ op: "relu" }, maxima, scaling(0)], 9), 8);
  equal(roundingOf([maxima, scaling(1)], 9), 0);
  equal(roundingOf([scaling(0)], 5), 8);
  equal(roundingOf([scaling(0)], 4), 0);
  equal(roundingOf([{ ...scaling(0), multiplier: 3 } as GatewayStep], 9), 0);
});

Deno.test("refuses a step without a circuit, by its name", () => {
  const start = { low: -5, high: 5, shape: [3], samples: 1 };
  const custom: GatewayStep = {
    op: "custom",
    name: "softsign",
    inputScale: 1,
    outputScale: 1,
    low: 0,
    high: 1,
  };
  throws(() => stepStages([custom], start), {
    code: "unsupported",
    message: /custom "softsign"/,
  });
});

Deno.test("refuses integers at which the integer steps saturate", () => {
  const steps: GatewayStep[] = [{
    op: "leakyRelu",
    positive: 2 ** 30,
    negative: [1],
  }];
  const start = { low: -(2 ** 25), high: 2 ** 25, shape: [3], samples: 1 };
  throws(() => stepStages(steps, start), {
    code: "unsupported",
    message: /leakyRelu/,
  });
});
