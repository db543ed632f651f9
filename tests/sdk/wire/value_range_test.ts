/** What a step can make of values in a range holds whatever the values are. */
import { deepEqual, ok } from "node:assert/strict";
import { applySteps } from "../../../sdk/activations/apply.ts";
import type { GatewayStep } from "../../../sdk/wire/plan.ts";
import { rangeAfter } from "../../../sdk/wire/value_range.ts";
import { seededIntegers } from "../../reference/tiny_models.ts";

const random = seededIntegers(20_261_130);
const shape = [1, 3, 3];

function randomStep(): GatewayStep {
  const kernel: [number, number] = [random(1, 3), random(1, 3)];
  const pads: [number, number, number, number] = random(0, 1)
    ? [0, 0, 0, 0]
    : [random(0, 2), random(0, 2), random(0, 2), random(0, 2)];
  const stride: [number, number] = [random(1, 2), random(1, 2)];
  const shapes = { with: "other", shape: [3, 3], withShape: [3, 1] };
  const combinations = [
    {
      ...shapes,
      by: "sum" as const,
      factors: [random(-9, 9), random(-9, 9)] as [number, number],
    },
    { ...shapes, by: "product" as const },
    { ...shapes, by: "quotient" as const, multiplier: random(-9, 9) },
  ];
  const scaling = { multiplier: random(-9, 9), shift: random(0, 4) };
  const steps: GatewayStep[] = [
    { op: "relu" },
    { op: "leakyRelu", positive: random(1, 9), negative: [random(-9, 9)] },
    { op: "sumPool", kernel, stride, pads },
    {
      op: "meanPool",
      kernel,
      stride,
      pads,
      counted: pads,
      // A multiple of every count of cells from 1 to 9.
      multiple: 2520,
    },
    { op: "maxPool", kernel, stride, dilation: [1, 1], pads },
    { op: "requantise", ...scaling, low: -random(0, 40), high: random(0, 40) },
    { op: "lookup", ...scaling, low: -1, table: [random(-99, 99), 5, -7] },
    { op: "reshape", shape: [9] },
    { op: "keep", as: "kept" },
    { op: "take", from: "other", start: 2, shape: [3] },
    { op: "combine", ...combinations[random(0, combinations.length - 1)] },
    { op: "matmul", with: "other", shape: [3, 3], withShape: [3, 2] },
    {
      op: "reduce",
      by: (["sum", "max", "min"] as const)[random(0, 2)],
      shape: [3, 3],
      axes: [random(0, 1)],
    },
    { op: "squareRoot", addend: random(0, 9) },
    { op: "selectLargest" },
    { op: "isNonNegative" },
  ];
  return steps[random(0, steps.length - 1)];
}

function operandSize(step: GatewayStep): number {
  if (!("withShape" in step)) return 9;
  return step.withShape.reduce((a, b) => a * b);
}

Deno.test("every step stays within its declared range", () => {
  const reached = new Map<string, number>();
  for (let trial = 0; trial < 6000; trial++) {
    const step = randomStep();
    const low = random(-50, 50), high = low + random(0, 60);
    const values = Float64Array.from(
      { length: 9 },
      () => [low, high, random(low, high)][random(0, 2)],
    );
    const all = random(0, 2);
    if (all > 0) values.fill(all === 1 ? low : high);
    const operand = { low: random(-50, 50), high: 0 };
    operand.high = operand.low + random(0, 60);
    const count = operandSize(step);
    const others = Float64Array.from(
      { length: count },
      () => [operand.low, operand.high][random(0, 1)],
    );
    const { samples: [result] } = applySteps(
      [step],
      { shape, samples: [values] },
      { live: new Map([["other", { shape: [count], samples: [others] }]]) },
    );
    const range = rangeAfter(step, { low, high }, operand);
    const told = `${JSON.stringify(step)} of [${low}, ${high}]`;
    for (const value of result) {
      ok(value >= range.low, `${told}: ${value} < ${range.low}`);
      ok(value <= range.high, `${told}: ${value} > ${range.high}`);
      if (value === range.low || value === range.high) {
        const kind = "by" in step ? `${step.op} ${step.by}` : step.op;
        reached.set(kind, (reached.get(kind) ?? 0) + 1);
      }
    }
  }
  // The ranges are not idly wide: each step reaches an end of its own.
  deepEqual(reached.size, 20, [...reached.keys()].join());
});
