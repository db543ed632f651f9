/**
 * From readings to integers, whatever form they have.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { quantise } from "../../../sdk/fixed_point/quantise.ts";
import type { ReadingForm } from "../../../sdk/fixed_point/reading.ts";

const plain = { name: "x", labels: null, units: null };

function form(
  shape: number[],
  scale: number,
  offset: number,
  low: number,
  high: number,
): ReadingForm {
  return {
    inputs: [{ ...plain, shape, scale: [scale], offset: [offset], low, high }],
    states: [],
  };
}

const spec = form([2, 2], 1 / 63, 0, 0, 63);

Deno.test("quantise rounds to the nearest step and keeps both ends", () => {
  assert.deepEqual(
    quantise([0, 1, 0.5, 0.1], spec),
    Float64Array.of(0, 63, 32, 6),
  );
  const signed = form([3], 0.5, 20, -8, 7);
  assert.deepEqual(
    quantise([16, 23.5, 19.9], signed),
    Float64Array.of(-8, 7, 0),
  );
  // What rounds into the range is in it; -0 becomes 0.
  const [low] = quantise([-0.4 / 63, 0, 0, 0], spec);
  assert.ok(Object.is(low, 0));
});

Deno.test("quantise moves every value by at most half a step", () => {
  const value = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(fc.array(value, { minLength: 4, maxLength: 4 }), (values) => {
      for (const [index, integer] of quantise(values, spec).entries()) {
        assert.ok(Number.isInteger(integer));
        assert.ok(Math.abs(integer / 63 - values[index]) <= 0.5 / 63 + 1e-15);
      }
    }),
  );
});

Deno.test("quantise names value, index and range", () => {
  for (const bad of [1.1, -0.1, Infinity, -Infinity]) {
    assert.throws(
      () => quantise([0, 0, bad, 0], spec),
      {
        name: "RangeError",
        message:
          `Cannot quantise reading: expected a value in [0, 1] at index 2, got ${bad}`,
      },
    );
  }
  assert.throws(
    () => quantise([0, 0, 0], spec),
    /expected 4 values \(2 x 2\), got 3/,
  );
});

Deno.test("clamping moves finite values to the end that they passed", () => {
  assert.deepEqual(
    quantise([-7, 1e300, 0.5, -1e-9], spec, { clamp: true }),
    Float64Array.of(0, 63, 32, 0),
  );
  for (const bad of [Number.NaN, Infinity, -Infinity]) {
    assert.throws(() => quantise([bad, 0, 0, 0], spec, { clamp: true }));
  }
});
