/** Compiling for sealed inferences: shifts instead of multipliers, refusals by node. */
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { compileModel } from "../../../models/compiler/compile.ts";
import { UnsupportedModelError } from "../../../models/compiler/lower/unsupported.ts";
import {
  choosePowerOfTwo,
  splitShift,
  withPowersOfTwo,
} from "../../../models/compiler/quantise/power_of_two.ts";
import { parseQuantisation } from "../../../models/compiler/quantise/prescribed.ts";
import { checkSealable } from "../../../models/compiler/unsealable.ts";
import { readPackage } from "../../../models/package/read_package.ts";
import { simulate } from "../../../models/simulate/simulate.ts";
import { applySteps } from "../../../sdk/activations/apply.ts";
import { isPowerOfTwo } from "../../../sdk/garbling/rounds/simplify.ts";
import type { GatewayStep } from "../../../sdk/wire/plan.ts";
import { GraphBuilder } from "../../reference/graph_builder.ts";
import { seededIntegers, tinyModel } from "../../reference/tiny_models.ts";

/** Every scaling of a model. */
const scalings = (rounds: readonly { steps: GatewayStep[] }[]) =>
  rounds.flatMap(({ steps }) =>
    steps.filter((step) => step.op === "requantise")
  );

Deno.test("a sealed compilation scales by powers of two and keeps the promise", () => {
  const g = new GraphBuilder([2, 8, 8], { seed: 4 });
  const image = g.node("Relu", [g.conv("x", [4, 2, 3, 3])]);
  const pooled = g.node("AveragePool", [image], {
    kernel_shape: [2, 2],
    strides: [2, 2],
  });
  const hidden = g.node("Relu", [g.head(pooled, 36, 10)]);
  const onnx = g.bytes(g.dense(hidden, 10, 4));
  const { model, report } = compileModel(onnx, {
    name: "x",
    calibration: g.readings(200),
    privacy: "sealed",
  });
  equal(model.manifest.reveal, "label");
  const all = scalings(model.manifest.rounds);
  // The mean's shift stands before the sum, its clamp behind.
  equal(all.length, 3);
  ok(all.every(({ multiplier }) => isPowerOfTwo(multiplier)));
  ok(report.worstScoreError! <= .03, `${report.worstScoreError}`);
});

Deno.test("what training has fixed is sealed with the labels of the open package", async () => {
  const folder = "models/zoo/occupancy";
  const onnx = await Deno.readFile(`${folder}/occupancy.onnx`);
  const quantisation = parseQuantisation(
    await Deno.readTextFile(`${folder}/quantisation.json`),
  );
  const { model } = compileModel(onnx, {
    name: "occupancy",
    calibration: [],
    quantisation,
    privacy: "sealed",
  });
  ok(
    scalings(model.manifest.rounds)
      .every(({ multiplier }) => isPowerOfTwo(multiplier)),
  );
  const open = await readPackage(`${folder}/package`);
  const [{ shape: [length], low, high }] = open.manifest.inputs;
  const next = seededIntegers(5), readings = 400;
  let same = 0;
  for (let i = 0; i < readings; i++) {
    const reading = Float64Array.from({ length }, () => next(low, high));
    const [a, b] = [open, model].map((each) => {
      const { integers } = simulate(each, reading);
      return integers.indexOf(Math.max(...integers));
    });
    if (a === b) same++;
  }
  ok(same >= .97 * readings, `${same} of ${readings}`);
});

Deno.test("a prescription's multipliers become the powers of two below, its units follow", () => {
  const rounds = [
    { multiplier: 3, shift: 4 },
    { multiplier: 5, shift: 3 },
    null,
  ].map((scaling, i) => ({
    accumulatorScale: 1 / (i + 1),
    weightLimit: 7,
    requantise: scaling && { ...scaling, low: 0, high: 15 },
  }));
  const input = { scale: [1], offset: [0], low: 0, high: 15 };
  const sealed = withPowersOfTwo({ input, rounds }).rounds;
  const real = (list: typeof rounds, i: number) =>
    list[i].accumulatorScale * 2 ** list[i].requantise!.shift /
    list[i].requantise!.multiplier;
  deepEqual(
    sealed.map(({ requantise }) =>
      requantise && requantise.multiplier / 2 ** requantise.shift
    ),
    [1 / 8, 1 / 2, null],
  );
  // A weight's unit, accumulators over activations, is as it was.
  for (const [i, before] of [1 / 2, 1 / 3].entries()) {
    const unit = before / real(rounds, i);
    const after = sealed[i + 1].accumulatorScale / real(sealed, i);
    ok(Math.abs(after / unit - 1) < 1e-12);
  }
});

Deno.test("a shift ahead of a sum never clips, and misses the sum's shift by little", () => {
  const cases = fc.record({
    bound: fc.integer({ min: 40, max: 5000 }),
    shift: fc.integer({ min: 1, max: 9 }),
    side: fc.integer({ min: 2, max: 5 }),
  });
  fc.assert(fc.property(
    cases.chain(({ bound, shift, side }) =>
      fc.record({
        range: fc.constant({ low: -bound, high: bound }),
        shift: fc.constant(shift),
        side: fc.constant(side),
        cells: fc.array(
          fc.oneof(
            fc.constantFrom(-bound, bound),
            fc.integer({ min: -bound, max: bound }),
          ),
          { minLength: side ** 2, maxLength: side ** 2 },
        ),
      })
    ),
    ({ range, shift, side, cells }) => {
      const scaling = { multiplier: 1, shift, low: -(2 ** 30), high: 2 ** 30 };
      const { before, after } = splitShift(scaling, range, side ** 2);
      const pool: GatewayStep = {
        op: "sumPool",
        kernel: [side, side],
        stride: [side, side],
        pads: [0, 0, 0, 0],
      };
      const result = (steps: GatewayStep[]) =>
        applySteps(steps, {
          shape: [1, side, side],
          samples: [Float64Array.from(cells)],
        }).samples[0][0];
      const exact = result([pool]) / 2 ** shift;
      const split = result([
        ...before ? [{ op: "requantise" as const, ...before }] : [],
        pool,
        { op: "requantise", ...after },
      ]);
      // Each addend's rounding adds half a unit at most.
      const bits = before ? shift - before.shift : shift;
      ok(Math.abs(split - exact) <= side ** 2 / 2 / 2 ** bits + .5);
    },
  ));
});

Deno.test("takes the closer power of two beside a factor", () => {
  const values = Float64Array.from({ length: 1000 }, (_, i) => i);
  const groups = [{ values, weight: 1 }], bounds = { low: 0, high: 63 };
  // At 2^-3 half of the values are clipped, at 2^-4 none is.
  equal(choosePowerOfTwo(groups, bounds, 63 / 999), -4);
});

Deno.test("refuses to seal a model that reveals scores", () => {
  const g = new GraphBuilder([4], { seed: 1 });
  const onnx = g.bytes(g.dense("x", 4, 3));
  throws(
    () =>
      compileModel(onnx, {
        name: "x",
        calibration: g.readings(100),
        privacy: "sealed",
        reveal: "scores",
      }),
    /Cannot seal model x: expected one that reveals its label/,
  );
});

Deno.test("refuses steps without a circuit, each by the name of its node", () => {
  const { manifest } = tinyModel(3, [4], [
    { kind: "dense", length: 5 },
    { kind: "dense", length: 3 },
  ]);
  manifest.rounds[0].steps = [{
    op: "custom",
    name: "softsign",
    inputScale: 1,
    outputScale: 1,
    low: 0,
    high: 31,
  }];
  const [{ name }] = manifest.rounds;
  throws(() => checkSealable({ ...manifest, reveal: "label" }), (error) => {
    ok(error instanceof UnsupportedModelError);
    deepEqual(
      error.nodes.map(({ name, operator }) => [name, operator]),
      [[name, "softsign"]],
    );
    return true;
  });
});
