import assert from "node:assert/strict";
import {
  compare,
  fittedExponent,
  interleave,
  quantile,
  relativeSpread,
} from "../../../bench/shared/harness.ts";

Deno.test("contenders take turns in alternating order, and the warm-up is dropped", async () => {
  const calls: string[] = [];
  let ours = 0;
  const figures = await interleave({
    a: () => (calls.push("a"), ours++),
    b: () => (calls.push("b"), 7),
  }, 3);
  assert.equal(calls.join(""), "baabbaab");
  assert.deepEqual(figures, { a: [1, 2, 3], b: [7, 7, 7] });
});

Deno.test("a spent budget ends the turns, but never before the first", async () => {
  const figures = await interleave({ a: () => 5 }, 9, { budgetMs: -1 });
  assert.deepEqual(figures, { a: [5] });
});

Deno.test("quantiles interpolate, and the spread is the interquartile range over the median", () => {
  assert.equal(quantile([4, 1, 3, 2], 0.5), 2.5);
  assert.equal(quantile([5, 1, 3], 0), 1);
  assert.equal(quantile([5, 1, 3], 1), 5);
  assert.equal(relativeSpread([1, 2, 3, 4, 5]), 2 / 3);
});

Deno.test("a ratio above 1 is better, for times and for rates", () => {
  const reference = { name: "them", figures: [10, 40, 30] };
  const time = compare({ name: "t", unit: "ms" }, [5, 10, 10], reference);
  assert.deepEqual(time, {
    name: "t",
    value: 10,
    unit: "ms",
    reference: { name: "them", value: 30 },
    ratio: 3,
    spread: 0.25,
    note: null,
  });
  const rate = compare(
    { name: "r", unit: "1/s", better: "higher" },
    [20, 20, 20],
    { name: "them", figures: [10, 10, 10] },
  );
  assert.equal(rate.ratio, 2);
});

Deno.test("an absent reference gives nulls and says how to get it", () => {
  const row = compare(
    { name: "t", unit: "ms", note: "reference absent: install it" },
    [1],
    null,
  );
  assert.equal(row.reference, null);
  assert.equal(row.ratio, null);
  assert.equal(row.note, "reference absent: install it");
});

Deno.test("the fitted exponent of a power law is exact", () => {
  const points = [512, 1024, 2048].map((x) => ({ x, y: 3 * x ** 2.5 }));
  assert.ok(Math.abs(fittedExponent(points) - 2.5) < 1e-9);
});
