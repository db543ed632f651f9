/** Numbers that would wrap, overflow or vanish on the way to integers are refused. */
import { deepEqual, ok, throws } from "node:assert/strict";
import { compileModel } from "../../../models/compiler/compile.ts";
import type { FloatRound } from "../../../models/compiler/ir.ts";
import { quantiseEdge } from "../../../models/compiler/quantise/gateway_steps.ts";
import { toInt32 } from "../../../models/package/int32.ts";
import { combine, setRows } from "../../../models/protections/rows.ts";
import { tinyDense } from "../../reference/tiny_models.ts";
import { GraphBuilder } from "../../reference/graph_builder.ts";

Deno.test("counts and refuses integers beyond 32 bits, halves and NaN", () => {
  deepEqual([...toInt32([2 ** 31 - 1, -(2 ** 31), 0], "x")], [
    2 ** 31 - 1,
    -(2 ** 31),
    0,
  ]);
  for (const lost of [2 ** 31, -(2 ** 31) - 1, .5, NaN, Infinity]) {
    throws(() => toInt32([1, lost, lost], "x"), {
      name: "RangeError",
      message: "Cannot hold x: 2 of 3 do not fit 32 bits",
    });
  }
});

Deno.test("protections refuse rows that they would take beyond 32 bits", () => {
  const row = { weights: Int32Array.of(2 ** 30, 1), bias: 0 };
  throws(() => combine([[4, row]]), /1 of 2 do not fit 32 bits/);
  const { manifest, tensors } = tinyDense();
  const last = manifest.rounds.at(-1)!;
  const [outputs] = last.outputShape,
    { length } = tensors.get(
      last.terms[0].weights,
    )!.data;
  const rows = Array.from({ length: outputs }, () => ({
    weights: new Int32Array(length / outputs),
    bias: 2 ** 31,
  }));
  throws(
    () => setRows(last, rows, new Map(tensors)),
    /biases .* do not fit 32 bits/,
  );
});

/** The gateway of a round with one operation, on accumulators within `bound`. */
function gateway(operation: FloatRound["gateway"][number], bound: number) {
  const round = {
    name: "r",
    shape: [3],
    gateway: [operation, {
      op: "function",
      name: "same",
      apply: (x: number) => x,
    }],
  } as FloatRound;
  const samples = [Float64Array.of(-bound, 0, bound)];
  return quantiseEdge(round, {
    scales: Float64Array.of(1),
    bound,
    samples,
    shiftsOnly: false,
    operands: new Map(),
    keptBits: () => 8,
    joinedInputBits: 8,
  }, 8);
}

Deno.test("refuses slopes for which wide accumulators leave no bits", () => {
  const slopes = Float64Array.of(.01);
  ok(gateway({ op: "leakyRelu", slopes }, 2 ** 20).steps.length > 0);
  throws(
    () => gateway({ op: "leakyRelu", slopes }, 2 ** 40),
    /Cannot quantise slopes: expected accumulators below 2\^36/,
  );
});

for (const [low, high] of [[5, 6], [-6, -5], [-1, 1], [-Infinity, 2]]) {
  Deno.test(`a Clip to [${low}, ${high}] holds for accumulators within 3`, () => {
    const { steps: [step] } = gateway({ op: "clip", low, high }, 3);
    ok(step.op === "requantise");
    const clamp = (x: number, from: number, to: number) =>
      Math.min(Math.max(x, from), to);
    for (let x = -3; x <= 3; x++) {
      ok(clamp(x, step.low, step.high) === clamp(x, low, high));
    }
  });
}

/** A graph with one constant, on readings of 3 elements. */
function compileWith(
  build: (g: GraphBuilder) => string,
  calibration = [[1, 2, 3], [3, 1, 2]],
  options = {},
) {
  const g = new GraphBuilder([3]);
  return () =>
    compileModel(g.bytes(build(g)), { name: "x", calibration, ...options });
}

Deno.test("refuses numbers that single precision does not hold", () => {
  const times = (factor: number) => (g: GraphBuilder) =>
    g.node("Mul", [
      g.node("Relu", [
        g.node("Mul", [
          g.dense("x", 3, 4),
          g.constant({ shape: [1], data: [factor] }),
        ]),
      ]),
      g.constant({ shape: [1], data: [1 / factor] }),
    ]);
  // Twice in a row: each factor is a single number, their product is not.
  const twice = (factor: number) => (g: GraphBuilder) =>
    g.node("Relu", [
      g.node("Mul", [
        g.node("Mul", [
          g.dense("x", 3, 4),
          g.constant({ shape: [1], data: [factor] }),
        ]),
        g.constant({ shape: [1], data: [factor] }),
      ]),
    ]);
  compileWith(times(1e-3))();
  throws(compileWith(twice(1e25)), /not finite in single precision/);
  throws(compileWith(twice(1e-25)), /single precision does not hold/);
});

Deno.test("refuses calibration readings outside the given range", () => {
  const build = (g: GraphBuilder) => g.dense("x", 3, 2);
  const readings = [[0, 1, 2], [0, 1, 255]];
  compileWith(build, readings, { inputRange: [0, 255] })();
  throws(
    compileWith(build, readings, { inputRange: [0, 1] }),
    /reading 0 holds 2 at element 2, outside of the range given/,
  );
});
