/**
 * From readings to integers, whatever form they have.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  nextStates,
  quantise,
  realReading,
} from "../../../sdk/fixed_point/quantise.ts";
import {
  copyOfReading,
  eachReading,
  type Reading,
  type ReadingForm,
} from "../../../sdk/fixed_point/reading.ts";

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

Deno.test("quantise names value, index and range, and the way out where there is one", () => {
  for (const bad of [1.1, -0.1, Infinity, -Infinity]) {
    const hint = Number.isFinite(bad)
      ? "; clamp moves values into the range"
      : "";
    assert.throws(
      () => quantise([0, 0, bad, 0], spec),
      {
        name: "RangeError",
        message:
          `Cannot quantise reading: expected a value in [0, 1] at index 2, got ${bad}${hint}`,
      },
    );
  }
  assert.throws(
    () => quantise([0, 0, 0], spec),
    /expected 4 values \(2 x 2\), got 3/,
  );
});

Deno.test("errors of several readings name the reading", () => {
  const several = (bad: unknown) =>
    eachReading(
      [[0, 0, 0, 0], [0, bad as number, 0, 0]],
      (reading) => quantise(reading, spec),
    );
  assert.throws(() => several(7), {
    name: "RangeError",
    message:
      /^Cannot quantise reading 1: expected a value .* at index 1, got 7/,
  });
  assert.throws(() => several(null), {
    name: "TypeError",
    message: /^Cannot use reading 1: expected a number at index 1, got null/,
  });
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

const room: ReadingForm = {
  inputs: [{
    name: "room",
    shape: [3],
    labels: ["temperature", "pressure", "open"],
    units: ["°C", "Pa", "1"],
    scale: [.1, 50, 1],
    offset: [15, 9e4, 0],
    low: 0,
    high: 255,
  }],
  states: [],
};
const map = form([2, 2, 3], 1, 0, -9, 20);
const mapValues = Array.from({ length: 12 }, (_, i) => i);

Deno.test("quantises elements by separate scales", () => {
  assert.deepEqual([...quantise([21.5, 101_325, 1], room)], [65, 227, 1]);
  assert.throws(
    () => quantise([21.5, 89_000, 1], room),
    /expected a value in \[90000, 102750\] Pa at index 1 \("pressure"\), got 89000/,
  );
  const real = realReading(Float64Array.of(65, 227, 1), room.inputs);
  assert.deepEqual([...real], [21.5, 101_350, 1]);
});

Deno.test("takes any plain object as a record", () => {
  const box: ReadingForm = {
    ...spec,
    inputs: [{ ...spec.inputs[0], shape: [2], labels: ["length", "width"] }],
  };
  for (const length of [0, 1]) {
    const reading = { length, width: 1 };
    assert.deepEqual([...quantise(reading, box)], [63 * length, 63]);
    assert.deepEqual(copyOfReading(reading), reading);
  }
  assert.throws(
    () => quantise(Object.assign({ length: 12 }, mapValues), map),
    TypeError,
  );
});

Deno.test("takes a reading as a list, nested, as typed arrays, BigInts or by name", () => {
  const expected = quantise(mapValues, map);
  for (
    const same of [
      Float32Array.from(mapValues),
      Int16Array.from(mapValues),
      BigInt64Array.from(mapValues.map(BigInt)),
      mapValues.map(BigInt),
      [[[0, 1, 2], [3, 4, 5]], [[6, 7, 8], [9, 10, 11]]],
      [[[[0, 1, 2], [3, 4, 5]], [[6, 7, 8], [9, 10, 11]]]],
      { x: mapValues },
    ] as Reading[]
  ) assert.deepEqual(quantise(same, map), expected);
  const named = { open: 1, pressure: 101_325, temperature: 21.5 };
  const byName = quantise(named, room);
  assert.deepEqual([...byName], [65, 227, 1]);
  assert.deepEqual(quantise({ room: named }, room), byName);
  assert.deepEqual(quantise({ room: [21.5, 101_325, 1n] }, room), byName);
  const channels: ReadingForm = {
    ...map,
    inputs: [{ ...map.inputs[0], labels: ["left", "right"] }],
  };
  assert.deepEqual(
    quantise(
      { right: [[6, 7, 8], [9, 10, 11]], left: [0, 1, 2, 3, 4, 5] },
      channels,
    ),
    expected,
  );
});

Deno.test("refuses what is no number with its index and name", () => {
  const cases: [unknown, RegExp][] = [
    [[21.5, null, 1], /a number at index 1 \("pressure"\), got null/],
    // deno-lint-ignore no-sparse-arrays
    [[21.5, , 1], /at index 1 \("pressure"\), got nothing/],
    [[21.5, 101_325, true], /at index 2 \("open"\), got true/],
    [["", 101_325, 1], /at index 0 \("temperature"\), got ""/],
    [[new Date(), 1, 1], /at index 0 .*, got an object \(Date\)/],
    [[[], 1, 1], /index 0|expected shape/],
    [
      { temperature: 21.5, pressure: "101325", open: 1 },
      /at "pressure", got "101325"/,
    ],
    [{ temperature: 21.5, pressure: 101_325 }, /at "open", got nothing/],
    [
      { temperature: 21.5, pressure: 1e5, open: 0, light: 3 },
      /the elements temperature, pressure, open, got "light"/,
    ],
    [null, /expected a number, got null/],
    [undefined, /expected a number, got nothing/],
    [new Date(), /got an object \(Date\)/],
    [new Map(), /got an object \(Map\)/],
    ["1,2,3", /got "1,2,3"/],
  ];
  for (const [reading, message] of cases) {
    assert.throws(
      () => quantise(reading as Reading, room),
      (error: Error) => {
        assert.match(error.message, message);
        const isShape = /shape/.test(error.message);
        assert.equal(error.constructor, isShape ? RangeError : TypeError);
        return true;
      },
    );
  }
  assert.throws(() => quantise({ a: 1 }, map), {
    name: "TypeError",
    message:
      /expected a list of 12 values, got a record; its elements have no names/,
  });
  assert.throws(() => quantise([2n ** 60n + 1n, 0, 0], room), RangeError);
});

Deno.test("refuses lists of another shape; with the remedy where axes are in another order", () => {
  const nested = (a: number, b: number, c: number) =>
    Array.from(
      { length: a },
      () => Array.from({ length: b }, () => Array(c).fill(0)),
    );
  assert.throws(
    () => quantise(nested(2, 3, 2), map),
    /expected shape \[2, 2, 3\], got \[2, 3, 2\], the same extents in another order: transpose its axes to \(0, 2, 1\) first/,
  );
  assert.throws(
    () => quantise(nested(3, 2, 2), map),
    /transpose its axes to \(1, 2, 0\) first/,
  );
  assert.throws(() => quantise(nested(1, 4, 3), map), {
    name: "RangeError",
    message: /expected shape \[2, 2, 3\], got \[1, 4, 3\]$/,
  });
  const ragged = nested(2, 2, 3);
  ragged[1][0].pop();
  assert.throws(() => quantise(ragged, map), /lists of 3 values, got one of 2/);
  const endless: unknown[] = [];
  endless[0] = endless;
  assert.throws(() => quantise(endless as Reading, map), RangeError);
  assert.throws(() => copyOfReading(endless as Reading), TypeError);
});

Deno.test("gives integers in range or an error with the reason for any value", () => {
  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withTypedArray: true,
    withSparseArray: true,
    withNullPrototype: true,
  });
  const nearly = fc.array(
    fc.oneof(fc.double({ min: 9e4, max: 1e5 }), anything),
    {
      minLength: 3,
      maxLength: 3,
    },
  );
  const record = fc.record({
    temperature: fc.double(),
    pressure: anything,
    open: fc.double({ min: 0, max: 1 }),
  }, { requiredKeys: [] });
  fc.assert(
    fc.property(
      fc.oneof(anything, nearly, record),
      fc.boolean(),
      (reading, clamp) => {
        try {
          const integers = quantise(reading as Reading, room, { clamp });
          assert.equal(integers.length, 3);
          assert.ok(
            integers.every((x) => Number.isInteger(x) && x >= 0 && x <= 255),
          );
        } catch (error) {
          assert.ok(error instanceof RangeError || error instanceof TypeError);
          assert.match(error.message, /^Cannot (use|quantise) reading/);
        }
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("clamps states to the range and takes no number as 0", () => {
  const next = nextStates({
    inputs: [{
      ...map.inputs[0],
      name: "h",
      shape: [5],
      scale: [.5],
      offset: [1],
    }],
    outputs: [],
    states: [{ input: "h", output: "y" }],
    reveal: "scores",
    powerOfTwo: false,
  }, new Map([["y", [NaN, Infinity, -Infinity, 1e300, 2.2]]]));
  assert.deepEqual([...next.get("h")!], [0, 20, -9, 20, 2]);
});

Deno.test("refuses a state whose length differs from its input's", () => {
  const model: ReadingForm = {
    inputs: ["x", "h"].map((name) => ({ ...spec.inputs[0], name, shape: [2] })),
    states: [{ input: "h", output: "y" }],
  };
  const withState = (...integers: number[]) =>
    quantise([0, 1], model, {
      states: new Map([["h", Float64Array.from(integers)]]),
    });
  assert.deepEqual(withState(3, 4), Float64Array.of(0, 63, 3, 4));
  for (const wrong of [[], [3], [3, 4, 5]]) {
    assert.throws(() => withState(...wrong), {
      name: "RangeError",
      message: /state "h": expected 2 integers, got \d/,
    });
  }
});
