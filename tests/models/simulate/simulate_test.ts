import assert from "node:assert/strict";
import { simulate, simulateMany } from "../../../models/simulate/simulate.ts";
import {
  randomReading,
  tinyDense,
  tinyLeNet,
  tinyModel,
  tinyResidual,
  tinySignal,
} from "../../reference/tiny_models.ts";

Deno.test("simulates a network worked out by hand", () => {
  const model = tinyModel(1, [1, 2, 2], [
    { kind: "convolution", channels: 1, kernel: [2, 2], pads: [0, 1, 0, 0] },
    { kind: "dense", length: 2 },
  ]);
  const set = (name: string, values: number[]) =>
    model.tensors.get(name)!.data.set(values);
  set("round0.weights0", [1, 2, 3, -1]);
  set("round0.bias", [10]);
  set("round1.weights0", [1, -1, 2, 0]);
  set("round1.bias", [0, 5]);
  model.manifest.rounds[0].steps = [
    { op: "relu" },
    { op: "requantise", multiplier: 1, shift: 1, low: 0, high: 31 },
  ];
  const { rounds, integers, scores } = simulate(
    model,
    Float64Array.of(4, 5, 6, 30),
  );
  // Left column: padding | 4, 6; right: 4 5 | 6 30.
  assert.deepEqual([...rounds[0].accumulators], [
    10 + 2 * 4 - 6,
    10 + 4 + 2 * 5 + 3 * 6 - 30,
  ]);
  assert.deepEqual([...rounds[0].activation.samples[0]], [6, 6]);
  assert.deepEqual([...integers], [0, 17]);
  assert.deepEqual([...scores], [0, 17 / 64]);
});

Deno.test("simulateMany gives what simulate gives", () => {
  for (
    const model of [
      tinyLeNet(),
      tinyResidual(),
      tinySignal(),
      tinyDense(),
      tinyModel(5, [4, 9, 9], [
        {
          kind: "convolution",
          channels: 6,
          kernel: [3, 2],
          stride: [2, 1],
          dilation: [2, 3],
          pads: [2, 1, 0, 3],
          groups: 2,
          pool: "max",
        },
        { kind: "convolution", channels: 4, kernel: [1, 1] },
        { kind: "dense", length: 3 },
      ]),
    ]
  ) {
    const readings = Array.from(
      { length: 37 },
      (_, i) => randomReading(model, i),
    );
    const progress: number[] = [];
    const outcomes = simulateMany(model, readings, {
      onProgress: (done) => progress.push(done),
    });
    assert.equal(progress.at(-1), readings.length);
    assert.ok(
      new Set(outcomes.map(({ integers }) => integers.join())).size > 30,
    );
    readings.forEach((reading, i) => {
      const { rounds: _, ...outcome } = simulate(model, reading);
      assert.deepEqual(outcomes[i], outcome);
    });
  }
});

Deno.test("accumulators stay within the bounds, and nearly reach them", () => {
  const model = tinyDense();
  const [{ low, high }] = model.manifest.inputs;
  const { data } = model.tensors.get("round0.weights0")!;
  const bias = model.tensors.get("round0.bias")!.data;
  let largest = 0;
  for (let row = 0; row < bias.length; row++) {
    for (const sign of [1, -1]) {
      const worst = Float64Array.from(
        data.subarray(row * 9, row * 9 + 9),
        (w) => w * sign > 0 ? high : low,
      );
      const { accumulators } = simulate(model, worst).rounds[0];
      for (const value of accumulators) {
        largest = Math.max(largest, Math.abs(value));
      }
    }
  }
  assert.equal(largest, model.manifest.rounds[0].bound);
});

Deno.test("refuses a reading of another size", () => {
  assert.throws(
    () => simulate(tinyDense(), new Float64Array(8)),
    new RangeError(
      "Cannot simulate: expected a reading of 9 values, got 8",
    ),
  );
  assert.throws(
    () => simulateMany(tinyDense(), [new Float64Array(8)]),
    RangeError,
  );
});
