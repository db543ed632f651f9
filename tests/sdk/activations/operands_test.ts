/** Steps that join activations equal their definitions on integers of any size. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { applySteps } from "../../../sdk/activations/apply.ts";
import type { IntegerTensor } from "../../../sdk/fixed_point/integer_tensor.ts";
import type { Combination, GatewayStep } from "../../../sdk/wire/plan.ts";

function tensor(shape: number[], ...values: number[]): IntegerTensor {
  return { shape, samples: [Float64Array.from(values)] };
}

function onTwo(how: Combination, x: number, y: number): number {
  const step: GatewayStep = {
    op: "combine",
    with: "y",
    shape: [1],
    withShape: [1],
    ...how,
  };
  const live = new Map([["y", tensor([1], y)]]);
  return applySteps([step], tensor([1], x), { live }).samples[0][0];
}

const floorDivide = (n: bigint, d: bigint): bigint =>
  n / d - (n % d !== 0n && (n < 0n) !== (d < 0n) ? 1n : 0n);

/** x, y and a factor whose sums and products stay below 2^52. */
const numbers = fc.integer({ min: 1, max: 50 }).chain((bits) =>
  fc.tuple(
    fc.integer({ min: -(2 ** bits), max: 2 ** bits }),
    fc.integer({ min: -(2 ** (51 - bits)), max: 2 ** (51 - bits) }),
  )
);

Deno.test("sums and products equal their definitions", () => {
  fc.assert(
    fc.property(numbers, ([x, y]) => {
      assert.equal(onTwo({ by: "product" }, x, y), x * y + 0);
      const factors: [number, number] = [3, -2];
      assert.equal(onTwo({ by: "sum", factors }, x, y), 3 * x - 2 * y + 0);
    }),
  );
});

Deno.test("a quotient is the nearest integer, halves up, of a divisor of 1 or more", () => {
  fc.assert(
    fc.property(
      numbers,
      fc.integer({ min: -9, max: 2 ** 51 }),
      ([y, multiplier], x) => {
        const divisor = BigInt(Math.max(x, 1));
        const doubled = 2n * BigInt(y) * BigInt(multiplier) + divisor;
        assert.equal(
          onTwo({ by: "quotient", multiplier }, x, y),
          Number(floorDivide(doubled, 2n * divisor)),
        );
      },
    ),
    { numRuns: 5000 },
  );
});

Deno.test("a square root is exact up to 2^52, that of a negative number its addend's", () => {
  const root = (x: number, addend: number) =>
    applySteps([{ op: "squareRoot", addend }], tensor([1], x)).samples[0][0];
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 26 - 1 }), (n) => {
      assert.equal(root(n * n, 0), n);
      assert.equal(root(n * n - 1, 0), n - 1);
      assert.equal(root(n * n - 1, 1), n);
    }),
    { numRuns: 3000 },
  );
  assert.equal(root((2 ** 26 - 1) ** 2 - 1, 0), 2 ** 26 - 2);
  assert.equal(root(-5, 9), 3);
});

Deno.test("axes of extent 1 are repeated on either side", () => {
  const live = new Map([["y", tensor([3], 10, 20, 30)]]);
  const { shape, samples } = applySteps(
    [{
      op: "combine",
      by: "sum",
      factors: [1, 1],
      with: "y",
      shape: [2, 2, 1],
      withShape: [1, 1, 3],
    }],
    tensor([4], 1, 2, 3, 4),
    { live },
  );
  assert.deepEqual(shape, [2, 2, 3]);
  assert.deepEqual(
    [...samples[0]],
    [11, 21, 31, 12, 22, 32, 13, 23, 33, 14, 24, 34],
  );
});

Deno.test("matmul multiplies the matrices of repeated leading axes", () => {
  const y = tensor([2, 2, 3], 1, 2, 3, 4, 5, 6, 1, 0, 0, 0, 1, 0);
  const { shape, samples } = applySteps(
    [{ op: "matmul", with: "y", shape: [1, 1, 2], withShape: [2, 2, 3] }],
    tensor([2], 7, -1),
    { live: new Map([["y", y]]) },
  );
  assert.deepEqual(shape, [2, 1, 3]);
  assert.deepEqual([...samples[0]], [3, 9, 15, 7, -1, 0]);
});

Deno.test("reduce joins along its axes, which stay with extent 1", () => {
  const by = (how: "sum" | "max" | "min", axes: number[]) => {
    const { shape, samples } = applySteps(
      [{ op: "reduce", by: how, shape: [2, 3], axes }],
      tensor([6], 1, 5, -2, 4, 0, 7),
    );
    return { shape, values: [...samples[0]] };
  };
  assert.deepEqual(by("sum", [1]), { shape: [2, 1], values: [4, 11] });
  assert.deepEqual(by("max", [0]), { shape: [1, 3], values: [4, 5, 7] });
  assert.deepEqual(by("min", [0, 1]), { shape: [1, 1], values: [-2] });
  assert.deepEqual(by("max", []).values, [1, 5, -2, 4, 0, 7]);
});

Deno.test("what is kept can be taken later, in part", () => {
  const live = new Map<string, IntegerTensor>();
  const { shape, samples } = applySteps(
    [
      { op: "keep", as: "all" },
      { op: "relu" },
      { op: "keep", as: "positive" },
      { op: "take", from: "all", start: 1, shape: [1, 2] },
    ],
    tensor([3], 1, -2, 3),
    { live },
  );
  assert.deepEqual([shape, [...samples[0]]], [[1, 2], [-2, 3]]);
  assert.deepEqual([...live.get("positive")!.samples[0]], [1, 0, 3]);
});

Deno.test("joined values beyond every bound saturate and never throw", () => {
  const huge = 2 ** 53;
  for (const x of [huge, -huge, 0]) {
    for (const y of [huge, -huge, 0]) {
      for (
        const how of [
          { by: "sum", factors: [huge - 1, 1 - huge] },
          { by: "product" },
          { by: "quotient", multiplier: huge - 1 },
        ] satisfies Combination[]
      ) {
        const value = onTwo(how, x, y);
        assert.ok(Math.abs(value) <= huge && Object.is(value, value + 0));
      }
      const live = new Map([["y", tensor([2], y, y)]]);
      const [value] = applySteps(
        [{ op: "matmul", with: "y", shape: [1, 2], withShape: [2, 1] }],
        tensor([2], x, x),
        { live },
      ).samples[0];
      assert.ok(Math.abs(value) <= huge);
    }
  }
});

Deno.test("steps that do not fit the activation they read are refused", () => {
  const live = new Map([["y", tensor([6], 0, 0, 0, 0, 0, 0)]]);
  const apply = (step: GatewayStep) => () =>
    applySteps([step], tensor([6], 0, 0, 0, 0, 0, 0), { live });
  const shapes = { with: "y", shape: [6], withShape: [6] };
  assert.throws(
    apply({ op: "combine", by: "product", ...shapes, with: "z" }),
    new RangeError(
      'Cannot combine: expected an earlier activation, got "z"',
    ),
  );
  assert.throws(
    apply({ op: "combine", by: "product", ...shapes, withShape: [5] }),
    new RangeError("Cannot combine: expected 5 elements, got 6"),
  );
  assert.throws(
    apply({ op: "combine", by: "product", ...shapes, withShape: [2, 3] }),
    new RangeError(
      "Cannot combine: expected shapes that fit, got [6] and [2,3]",
    ),
  );
  assert.throws(
    apply({ op: "matmul", with: "y", shape: [2, 3], withShape: [2, 3] }),
    new RangeError(
      "Cannot multiply: expected matrices that fit, got [2,3] and [2,3]",
    ),
  );
  assert.throws(
    apply({ op: "take", from: "y", start: 5, shape: [2] }),
    new RangeError("Cannot take: expected elements up to 7, got 6"),
  );
  for (const axes of [[2], [0, 0]]) {
    assert.throws(
      apply({ op: "reduce", by: "sum", shape: [2, 3], axes }),
      new RangeError(`Cannot reduce: expected axes of [2,3], got [${axes}]`),
    );
  }
});
