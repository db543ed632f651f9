import assert from "node:assert/strict";
import fc from "fast-check";
import { applySteps } from "../../../sdk/activations/apply.ts";
import { checkActivations } from "../../../sdk/activations/registry.ts";
import type { GatewayStep } from "../../../sdk/wire/plan.ts";

type Quad = [number, number, number, number];

/** The steps on integers of any size, as their definitions read. */
function scaled(x: bigint, multiplier: number, shift: number): bigint {
  const half = shift === 0 ? 0n : 1n << BigInt(shift - 1);
  return (x * BigInt(multiplier) + half) >> BigInt(shift);
}

function clamp(x: bigint, low: number, high: number): number {
  if (x < BigInt(low)) return low;
  return x > BigInt(high) ? high : Number(x);
}

function onOne(step: GatewayStep, x: number): number {
  return applySteps([step], { shape: [1], samples: [Float64Array.of(x)] })
    .samples[0][0];
}

/** Factors whose product stays below 2^52, as `verifyPackage` demands. */
const factors = fc.integer({ min: 1, max: 51 }).chain((bits) =>
  fc.tuple(
    fc.integer({ min: -(2 ** bits), max: 2 ** bits }),
    fc.integer({ min: 1, max: 2 ** (52 - bits) }),
    fc.integer({ min: 0, max: 52 }),
  )
);

Deno.test("leakyRelu applies each channel's own slope", () => {
  const step: GatewayStep = {
    op: "leakyRelu",
    positive: 8,
    negative: [1, 2, 4],
  };
  const { samples } = applySteps([step], {
    shape: [3, 1, 2],
    samples: [Float64Array.of(-3, 5, -3, -7, 2, -3)],
  });
  assert.deepEqual([...samples[0]], [-3, 40, -6, -14, 16, -12]);
});

Deno.test("requantise equals its definition on integers of any size", () => {
  fc.assert(
    fc.property(
      factors,
      fc.integer({ min: -300, max: 0 }),
      fc.integer({ min: 0, max: 300 }),
      ([x, multiplier, shift], low, high) => {
        assert.equal(
          onOne({ op: "requantise", multiplier, shift, low, high }, x),
          clamp(scaled(BigInt(x), multiplier, shift), low, high),
        );
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("requantise rounds halves up", () => {
  const step: GatewayStep = {
    op: "requantise",
    multiplier: 1,
    shift: 2,
    low: -9,
    high: 9,
  };
  assert.deepEqual(
    [-7, -6, -5, -2, -1, 1, 2, 5, 6, 7].map((x) => onOne(step, x)),
    [-2, -1, -1, 0, 0, 0, 1, 1, 2, 2],
  );
});

Deno.test("lookup equals its definition, held within the table", () => {
  fc.assert(
    fc.property(
      factors,
      fc.integer({ min: -20, max: 20 }),
      fc.array(fc.integer(), { minLength: 1, maxLength: 40 }),
      ([x, multiplier, shift], low, table) => {
        const index = clamp(
          scaled(BigInt(x), multiplier, shift),
          low,
          low + table.length - 1,
        );
        assert.equal(
          onOne({ op: "lookup", multiplier, shift, low, table }, x),
          table[index - low],
        );
      },
    ),
    { numRuns: 1000 },
  );
});

Deno.test("sums and maxima of windows equal their definitions", () => {
  const small = (min: number, max: number) =>
    fc.integer({ min: min, max: max });
  fc.assert(
    fc.property(
      fc.record({
        channels: small(1, 2),
        height: small(1, 7),
        width: small(1, 7),
        kernel: fc.tuple(small(1, 3), small(1, 3)),
        stride: fc.tuple(small(1, 3), small(1, 3)),
        dilation: fc.tuple(small(1, 2), small(1, 2)),
        pads: fc.tuple(small(0, 2), small(0, 2), small(0, 2), small(0, 2)),
        isSum: fc.boolean(),
        values: fc.array(fc.maxSafeInteger(), { minLength: 98, maxLength: 98 }),
      }),
      (c) => {
        const dilation: [number, number] = c.isSum ? [1, 1] : c.dilation;
        const shape = [c.channels, c.height, c.width];
        // Sums of nine stay below 2^53.
        const values = c.values.slice(0, c.channels * c.height * c.width)
          .map((value) => Math.trunc(value / 16) + 0); // no -0
        const extent = (axis: 0 | 1) =>
          Math.max(
            0,
            1 + Math.floor(
              (shape[axis + 1] + c.pads[axis] + c.pads[axis + 2] -
                dilation[axis] * (c.kernel[axis] - 1) - 1) / c.stride[axis],
            ),
          );
        const expected: number[] = [];
        for (let channel = 0; channel < c.channels; channel++) {
          for (let oy = 0; oy < extent(0); oy++) {
            for (let ox = 0; ox < extent(1); ox++) {
              const window: bigint[] = [];
              for (let ky = 0; ky < c.kernel[0]; ky++) {
                for (let kx = 0; kx < c.kernel[1]; kx++) {
                  const y = oy * c.stride[0] + ky * dilation[0] - c.pads[0];
                  const x = ox * c.stride[1] + kx * dilation[1] - c.pads[1];
                  if (y < 0 || y >= c.height || x < 0 || x >= c.width) continue;
                  window.push(
                    BigInt(values[(channel * c.height + y) * c.width + x]),
                  );
                }
              }
              const joined = c.isSum
                ? window.reduce((a, b) => a + b, 0n)
                : window.reduce((a, b) => a > b ? a : b, window[0] ?? 0n);
              expected.push(Number(joined));
            }
          }
        }
        const window = {
          kernel: c.kernel,
          stride: c.stride,
          pads: c.pads as Quad,
        };
        const step: GatewayStep = c.isSum
          ? { op: "sumPool", ...window }
          : { op: "maxPool", dilation, ...window };
        const pooled = applySteps([step], {
          shape,
          samples: [Float64Array.from(values)],
        });
        assert.deepEqual(pooled.shape, [c.channels, extent(0), extent(1)]);
        assert.deepEqual([...pooled.samples[0]], expected);
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("a transpose moves every element to the place that its axes have", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 }),
      fc.infiniteStream(fc.double()),
      (shape, keys) => {
        const order = shape.map((_, axis) => [keys.next().value, axis])
          .toSorted((a, b) => a[0] - b[0]).map(([, axis]) => axis);
        const size = shape.reduce((a, b) => a * b);
        const values = Float64Array.from({ length: size }, (_, i) => i);
        const moved = applySteps([{ op: "transpose", shape, order }], {
          shape: [size],
          samples: [values],
        });
        assert.deepEqual(moved.shape, order.map((axis) => shape[axis]));
        // Each element tells its place in the source by its value.
        moved.samples[0].forEach((value, i) => {
          const place = (at: number, lengths: number[]) =>
            lengths.map((length, axis) => {
              const behind = lengths.slice(axis + 1).reduce((a, b) => a * b, 1);
              return Math.floor(at / behind) % length;
            });
          const from = place(value, shape), to = place(i, moved.shape);
          assert.deepEqual(order.map((axis) => from[axis]), to);
        });
      },
    ),
  );
});

Deno.test("steps follow each other, on signals as on maps, for each sample", () => {
  const steps: GatewayStep[] = [
    { op: "relu" },
    { op: "sumPool", kernel: [1, 2], stride: [1, 2], pads: [0, 0, 0, 0] },
    { op: "reshape", shape: [4] },
    { op: "requantise", multiplier: 1, shift: 1, low: 0, high: 7 },
  ];
  const accumulators = {
    shape: [2, 4],
    samples: [
      Float64Array.of(1, 2, -3, 4, 5, -6, 7, 80),
      Float64Array.of(0, 0, 0, 0, 2, 2, 2, 1),
    ],
  };
  const before = structuredClone(accumulators);
  assert.deepEqual(applySteps(steps.slice(0, 2), accumulators).shape, [2, 2]);
  assert.deepEqual(applySteps(steps, accumulators), {
    shape: [4],
    samples: [Float64Array.of(2, 2, 3, 7), Float64Array.of(0, 0, 2, 2)],
  });
  assert.deepEqual(accumulators, before);
});

const custom: GatewayStep = {
  op: "custom",
  name: "tamed",
  inputScale: 0.5,
  outputScale: 0.25,
  low: -3,
  high: 5,
};

Deno.test("a registered function is applied to scaled values and clamped", () => {
  const apply = (
    f: (x: number) => number,
    ...values: number[]
  ) => [
    ...applySteps(
      [custom],
      { shape: [values.length], samples: [Float64Array.from(values)] },
      { registry: new Map([["tamed", f]]) },
    ).samples[0],
  ];
  assert.deepEqual(apply((x) => x / 4, 2, 3, 100, -100), [1, 2, 5, -3]);
  assert.deepEqual(apply((x) => x / 100, -1), [0]);
});

Deno.test("a function that fails on some values gives 0 there and goes on", () => {
  const registry = new Map([["tamed", (x: number) => {
    if (x === 1) throw new Error("never seen");
    return x === 2 ? NaN : x === 3 ? Infinity : x;
  }]]);
  const { samples } = applySteps(
    [custom],
    { shape: [4], samples: [Float64Array.of(2, 4, 6, 1)] },
    { registry },
  );
  assert.deepEqual([...samples[0]], [0, 0, 0, 2]);
});

Deno.test("a function that is missing or fails at 0 is found before any value", () => {
  assert.throws(
    () => checkActivations([custom], new Map([["other", Math.tanh]])),
    new TypeError(
      'Cannot apply activation "tamed": expected it in the registry, got [other]',
    ),
  );
  assert.throws(
    () => checkActivations([custom], new Map([["tamed", Math.log]])),
    new TypeError(
      'Cannot apply activation "tamed": expected a finite number at 0, got -Infinity',
    ),
  );
  checkActivations([{ op: "relu" }, custom], new Map([["tamed", Math.tanh]]));
});

/** Rule 1: whatever is decrypted, the gateway finishes with the same messages. */
Deno.test("values beyond every bound saturate and never throw", () => {
  const window = { kernel: [2, 2], stride: [1, 1], pads: [1, 1, 1, 1] } as {
    kernel: [number, number];
    stride: [number, number];
    pads: Quad;
  };
  const steps: GatewayStep[] = [
    { op: "sumPool", ...window },
    { op: "maxPool", dilation: [1, 1], ...window },
    { op: "lookup", multiplier: 2 ** 40, shift: 3, low: -1, table: [4, 5, 6] },
    { op: "requantise", multiplier: 2 ** 50, shift: 0, low: -2, high: 9 },
  ];
  for (let count = 1; count <= steps.length; count++) {
    for (const value of [2 ** 52, -(2 ** 52), 0]) {
      let activation = {
        shape: [1, 2, 2],
        samples: [new Float64Array(4).fill(value)],
      };
      for (let repeat = 0; repeat < 40; repeat++) {
        const { shape, samples } = applySteps(
          steps.slice(0, count),
          activation,
        );
        assert.ok(
          samples[0].every((x) => Math.abs(x) <= 2 ** 53),
        );
        activation = {
          shape: [1, 2, 2],
          samples: [samples[0].slice(0, 4)],
        };
        assert.equal(shape[0], 1);
      }
    }
  }
});

Deno.test("slopes without end give the largest exact number, and none gives what is no number", () => {
  const steps: GatewayStep[] = [
    ...Array.from({ length: 50 }, (): GatewayStep => ({
      op: "leakyRelu",
      positive: 2 ** 24,
      negative: [2 ** 24],
    })),
    // Infinity times zero would be no number.
    { op: "leakyRelu", positive: 0, negative: [0] },
  ];
  const accumulators = { shape: [3], samples: [Float64Array.of(1, -1, 0)] };
  const steep = applySteps(steps.slice(0, -1), accumulators).samples[0];
  assert.deepEqual([...steep], [2 ** 53, -(2 ** 53), 0]);
  const flat = applySteps(steps, accumulators).samples[0];
  assert.ok(flat.every((value) => value === 0), `${flat}`);
});

Deno.test("steps that do not fit the shape are refused", () => {
  const vector = { shape: [6], samples: [new Float64Array(6)] };
  assert.throws(
    () =>
      applySteps([{
        op: "sumPool",
        kernel: [2, 2],
        stride: [2, 2],
        pads: [0, 0, 0, 0],
      }], vector),
    new RangeError(
      "Cannot apply sumPool: expected [channels, height, width], got [6]",
    ),
  );
  assert.throws(
    () => applySteps([{ op: "reshape", shape: [5] }], vector),
    new RangeError("Cannot reshape: expected 5 elements, got 6"),
  );
  const transpose = (shape: number[], order: number[]) => () =>
    applySteps([{ op: "transpose", shape, order }], vector);
  assert.throws(
    transpose([5], [0]),
    new RangeError("Cannot transpose: expected 5 elements, got 6"),
  );
  for (const order of [[0], [0, 0], [0, 2], [1, 0, 2]]) {
    assert.throws(transpose([2, 3], order), /expected an order of 2 axes, got/);
  }
});
