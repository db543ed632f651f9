/**
 * Every circuit against the integer steps of the project.
 *
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { applySteps } from "../../sdk/activations/apply.ts";
import { Circuit } from "../../sdk/garbling/circuit.ts";
import {
  argMax,
  largest,
  leakyRelu,
  lookUp,
  relu,
  requantise,
  sum,
} from "../../sdk/garbling/circuits/activations.ts";
import {
  signedBits,
  type Value,
  valueOf,
} from "../../sdk/garbling/circuits/integers.ts";
import { reshare, unmask } from "../../sdk/garbling/circuits/shares.ts";
import { sumOfNumbers } from "../../sdk/garbling/rounds/bits.ts";
import { bitsOf, integersOf, runCircuit } from "./run_circuit.ts";

type Steps = Parameters<typeof applySteps>[0];
const lanes = 5, bound = 300;

/** Integers within the bound, edges often: [input][lane]. */
const inputs = (count: number) =>
  fc.array(
    fc.array(
      fc.oneof(
        fc.constantFrom(-bound, -1, 0, 1, bound),
        fc.integer({ min: -bound, max: bound }),
      ),
      { minLength: lanes, maxLength: lanes },
    ),
    { minLength: count, maxLength: count },
  );

function computed(
  values: number[][],
  build: (c: Circuit, x: Value[]) => Value,
): number[] {
  const c = new Circuit(), width = signedBits(-bound, bound);
  const words = values.map(() => c.word(width));
  const result = build(c, words.map((w) => valueOf(w, -bound, bound)));
  c.output(...result.bits);
  const bits = values.flatMap((x) => bitsOf(x, width));
  const { clear } = runCircuit(c, bits, lanes);
  return integersOf(clear, result.bits.length, lanes);
}

function expected(values: number[][], steps: Steps, shape: number[]): number[] {
  return Array.from({ length: lanes }, (_, lane) => {
    const sample = Float64Array.from(values, (x) => x[lane]);
    return applySteps(steps, { shape, samples: [sample] }).samples[0][0] + 0;
  });
}

const window = {
  kernel: [1, 5] as [number, number],
  stride: [1, 5] as [number, number],
  pads: [0, 0, 0, 0] as [number, number, number, number],
};
const slope = fc.integer({ min: -9, max: 70 });

Deno.test("relu, sums and maxima equal the integer steps", () => {
  fc.assert(
    fc.property(inputs(5), (x) => {
      deepEqual(
        computed([x[0]], (c, [v]) => relu(c, v)),
        expected([x[0]], [{ op: "relu" }], [1]),
      );
      deepEqual(
        computed(x, (c, v) => sum(c, v)),
        expected(x, [{ op: "sumPool", ...window }], [1, 1, 5]),
      );
      deepEqual(
        computed(x, (c, v) => largest(c, v)),
        expected(
          x,
          [{ op: "maxPool", dilation: [1, 1], ...window }],
          [1, 1, 5],
        ),
      );
    }),
    { numRuns: 60 },
  );
});

Deno.test("leakyRelu equals the integer step for any slopes", () => {
  fc.assert(
    fc.property(inputs(1), slope, slope, (x, positive, negative) => {
      deepEqual(
        computed(x, (c, [v]) => leakyRelu(c, v, positive, negative)),
        expected(
          x,
          [{ op: "leakyRelu", positive, negative: [negative] }],
          [1],
        ),
      );
    }),
    { numRuns: 100 },
  );
});

Deno.test("requantise and lookup equal the integer steps for any multiplier", () => {
  const scaling = fc.record({
    multiplier: fc.integer({ min: 1, max: 200 }),
    shift: fc.integer({ min: 1, max: 14 }),
  });
  const range = fc.record({
    low: fc.integer({ min: -20, max: 20 }),
    table: fc.array(fc.integer({ min: -40, max: 40 }), {
      minLength: 1,
      maxLength: 37,
    }),
  });
  fc.assert(
    fc.property(inputs(1), scaling, range, (x, scaling, { low, table }) => {
      const high = low + table.length - 1;
      deepEqual(
        computed(x, (c, [v]) => requantise(c, v, scaling, { low, high })),
        expected(x, [{ op: "requantise", ...scaling, low, high }], [1]),
      );
      deepEqual(
        computed(x, (c, [v]) => {
          const index = requantise(c, v, scaling, { low, high });
          return lookUp(c, index, low, table);
        }),
        expected(x, [{ op: "lookup", ...scaling, low, table }], [1]),
      );
    }),
    { numRuns: 150 },
  );
});

Deno.test("arg-max gives the number of the first of the largest", () => {
  const small = fc.array(
    fc.array(fc.integer({ min: -2, max: 2 }), {
      minLength: lanes,
      maxLength: lanes,
    }),
    { minLength: 2, maxLength: 11 },
  );
  fc.assert(
    fc.property(small, (x) => {
      const c = new Circuit(), words = x.map(() => c.word(4));
      const index = argMax(c, words.map((w) => valueOf(w, -8, 7)));
      c.output(...index);
      const bits = x.flatMap((v) => bitsOf(v, 4));
      const { clear } = runCircuit(c, bits, lanes);
      const unsigned = new Uint8Array([...clear, ...new Uint8Array(lanes)]);
      deepEqual(
        integersOf(unsigned, index.length + 1, lanes),
        Array.from({ length: lanes }, (_, lane) => {
          const column = x.map((v) => v[lane]);
          return column.indexOf(Math.max(...column));
        }),
      );
    }),
    { numRuns: 60 },
  );
});

Deno.test("unmasking is subtraction modulo a power of two", () => {
  const numbers = fc.array(fc.integer({ min: 0, max: 2 ** 20 - 1 }), {
    minLength: lanes,
    maxLength: lanes,
  });
  fc.assert(
    fc.property(numbers, numbers, (masked, mask) => {
      const c = new Circuit();
      c.output(...unmask(c, c.word(20)));
      const { clear } = runCircuit(c, bitsOf(masked, 20), lanes, {
        knowledge: { bits: bitsOf(mask, 20), values: [] },
      });
      const zero = new Uint8Array(lanes);
      deepEqual(
        integersOf(new Uint8Array([...clear, ...zero]), 21, lanes),
        masked.map((y, i) => (y - mask[i] + 2 ** 20) % 2 ** 20),
      );
    }),
    { numRuns: 60 },
  );
});

Deno.test("re-sharing gives value + mask modulo 2^bits, part by part", () => {
  const valueBits = 4, bits = 68;
  const value = fc.integer({ min: 0, max: 15 });
  const word = fc.oneof(
    fc.constant(2 ** 32 - 1),
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  );
  const part = fc.tuple(word, word, fc.constantFrom(0, 7, 15));
  const mask = fc.tuple(part, part, part, part);
  fc.assert(
    fc.property(value, mask, (x, parts) => {
      const c = new Circuit();
      reshare(c, c.word(valueBits), bits);
      const words = parts.map((part) => Uint32Array.of(...part, 0));
      const { values } = runCircuit(c, bitsOf([x], valueBits), 1, {
        knowledge: { bits: [], values: words },
      });
      const sum = (numbers: Uint32Array[]) =>
        sumOfNumbers(
          Uint32Array.from(numbers.flatMap((number) => [...number])),
          4,
          bits,
        );
      equal(sum(values), BigInt.asUintN(bits, sum(words) + BigInt(x)));
      // Each number is its part, or its part and the bit's weight.
      values.forEach((number, i) => {
        const told = sum([number]) - sum([words[i]]);
        const weight = BigInt(x >> i & 1) << BigInt(i);
        equal(BigInt.asUintN(bits, told), weight);
      });
    }),
    { numRuns: 100 },
  );
});
