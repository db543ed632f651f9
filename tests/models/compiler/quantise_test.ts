import { deepEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { compileModel } from "../../../models/compiler/compile.ts";
import { simulate } from "../../../models/simulate/simulate.ts";
import { verifyPackage } from "../../../models/package/verify.ts";
import {
  feedbackOf,
  roundRow,
} from "../../../models/compiler/quantise/error_feedback.ts";
import { parseQuantisation } from "../../../models/compiler/quantise/prescribed.ts";
import {
  asMultiplier,
  chooseFactor,
  integerBounds,
} from "../../../models/compiler/quantise/range.ts";
import { quantise } from "../../../sdk/fixed_point/quantise.ts";
import { GraphBuilder, normalNumbers } from "../../reference/graph_builder.ts";
import { randomGraph } from "./random_graphs.ts";

Deno.test("multipliers are exact and close, whatever factor and bound", () => {
  fc.assert(
    fc.property(
      fc.double({ min: -40, max: 3, noNaN: true }),
      fc.double({ min: 0, max: 50, noNaN: true }),
      (exponent, boundBits) => {
        const factor = 2 ** exponent, bound = Math.floor(2 ** boundBits);
        const { multiplier, shift } = asMultiplier(factor, bound);
        ok(Number.isInteger(multiplier) && multiplier > 0);
        ok(Number.isInteger(shift) && shift >= 1);
        ok(multiplier * bound + 2 ** (shift - 1) < 2 ** 53);
        if (boundBits < 36 && exponent > -30) {
          ok(Math.abs(multiplier / 2 ** shift / factor - 1) < 2 ** -14);
        }
      },
    ),
  );
  throws(() => asMultiplier(1, 2 ** 52), RangeError);
});

Deno.test("ranges: unsigned where nothing is negative, else shared as the values are", () => {
  deepEqual(integerBounds(0, 9, 4), { low: 0, high: 15 });
  deepEqual(integerBounds(-5, 5, 4), { low: -8, high: 7 });
  deepEqual(integerBounds(-1, 14, 4), { low: -1, high: 14 });
});

Deno.test("few strong values are clipped where that costs less", () => {
  const values = Float64Array.from({ length: 10000 }, (_, i) => i % 100);
  const bounds = { low: 0, high: 15 };
  const plain = chooseFactor([{ values, weight: 1 }], bounds);
  ok(plain >= 15 / 99 && plain < 16 / 90);
  const outlier = Float64Array.of(...values, 200);
  const clipped = chooseFactor([{ values: outlier, weight: 1 }], bounds);
  ok(clipped > 1.7 * 15 / 200, "the outlier is clipped");
  const heavy = chooseFactor([
    { values, weight: 1 },
    { values: Float64Array.of(200), weight: 1e6 },
  ], bounds);
  ok(Math.abs(heavy * 200 / 15 - 1) < .1, "unless it matters");
});

Deno.test("error feedback beats rounding one by one on inputs that vary together", () => {
  const { random } = new GraphBuilder([1], { seed: 8 });
  const size = 40, rows = 20;
  // Inputs mix few sources, as activations do.
  const mixing = normalNumbers(size * 6, random);
  const samples = Array.from({ length: 400 }, () => {
    const sources = normalNumbers(6, random),
      own = normalNumbers(size, random, .3);
    return own.map((v, i) =>
      v + sources.reduce((sum, s, j) => sum + s * mixing[i * 6 + j], 0)
    );
  });
  const map = {
    kind: "matrix" as const,
    rows,
    columns: size,
    weights: Float64Array.from(normalNumbers(rows * size, random)),
  };
  const feedback = feedbackOf({ reads: "x", map }, samples)!;
  const step = .8, limit = 3;
  let plainError = 0, fedError = 0;
  for (let row = 0; row < rows; row++) {
    const weights = map.weights.slice(row * size, (row + 1) * size);
    const steps = new Float64Array(size).fill(step);
    const fed = roundRow(weights, { steps, limit, feedback, group: 0 });
    ok(fed.every((q) => Number.isInteger(q) && Math.abs(q) <= limit));
    for (const sample of samples) {
      let plain = 0, after = 0;
      for (let i = 0; i < size; i++) {
        const q = Math.min(
          limit,
          Math.max(-limit, Math.round(weights[i] / step)),
        );
        plain += (weights[i] - step * q) * sample[i];
        after += (weights[i] - step * fed[i]) * sample[i];
      }
      plainError += plain ** 2;
      fedError += after ** 2;
    }
  }
  ok(fedError < plainError / 4, `${fedError} against ${plainError}`);
});

Deno.test("random graphs: default bits within 3 %, 12 bits within 0.3 %", () => {
  for (let seed = 1; seed <= 6; seed++) {
    const { onnx, builder } = randomGraph(seed);
    const calibration = builder.readings(60), readings = builder.readings(10);
    for (const [bits, max] of [[undefined, .03], [12, .003]] as const) {
      const { model, network, report } = compileModel(onnx, {
        name: "random",
        calibration,
        weightBits: bits,
        activationBits: bits,
      });
      verifyPackage(model);
      equal(report.rounds.length, network.rounds.length);
      for (const reading of readings) {
        const { rounds } = simulate(
          model,
          quantise(reading, model.manifest, { clamp: true }),
        );
        rounds.forEach(({ accumulators }, i) => {
          const { bound } = model.manifest.rounds[i];
          ok(accumulators.every((value) => Math.abs(value) <= bound));
        });
      }
      ok(report.relativeError! < max, `seed ${seed}: ${report.relativeError}`);
    }
  }
});

Deno.test("the same model and readings give the same package", () => {
  const { onnx, builder } = randomGraph(3);
  const options = { name: "twice", calibration: builder.readings(20) };
  const first = compileModel(onnx, options).model;
  deepEqual(compileModel(onnx, options).model, first);
});

Deno.test("with labels, fewer bits: only accuracy counts", () => {
  const g = new GraphBuilder([12], { seed: 2 });
  const onnx = g.bytes(g.dense(g.node("Relu", [g.dense("x", 12, 32)]), 32, 3));
  const calibration = g.readings(200);
  const plain = compileModel(onnx, { name: "plain", calibration });
  const scores = calibration.map((reading) =>
    simulate(plain.model, quantise(reading, plain.model.manifest)).scores
  );
  const labels = scores.map((row) => row.indexOf(Math.max(...row)));
  const labelled = compileModel(onnx, {
    name: "labelled",
    calibration,
    calibrationLabels: labels,
    maxAccuracyLoss: 2,
  });
  const total = (text: string | number) =>
    String(text).split("/").reduce((sum, bits) => sum + Number(bits), 0);
  const bitsOf = ({ model: { manifest: { provenance } } }: typeof plain) =>
    total(provenance.weightBits) + total(provenance.activationBits);
  ok(bitsOf(labelled) < bitsOf(plain));
  const right = labels.filter((label, i) => {
    const { model } = labelled;
    const reading = quantise(calibration[i], model.manifest, {
      clamp: true,
    });
    const row = simulate(model, reading).scores;
    return row.indexOf(Math.max(...row)) === label;
  });
  ok(right.length >= .98 * labels.length - 1, `${right.length} of 200`);
});

Deno.test("reports the error of a score about its mean, and a constant score as such", () => {
  const g = new GraphBuilder([8]);
  const scores = g.node("Gemm", [
    g.node("Relu", [g.dense("x", 8, 16)]),
    g.weights([16, 2], 16),
    g.constant({ shape: [2], data: [293, 0] }),
  ]);
  const calibration = g.readings(60);
  const widths = { weightBits: 2, activationBits: 4, acceptError: true };
  const onnx = g.bytes(scores);
  const { report } = compileModel(onnx, { name: "x", calibration, ...widths });
  ok(report.relativeError! < .02, `${report.relativeError}`);
  ok(report.worstScoreError! > .1, `${report.worstScoreError}`);
  equal(report.constantScores, 0);
  const one = compileModel(onnx, {
    name: "x",
    calibration: calibration.slice(0, 1),
    ...widths,
  });
  equal(one.report.constantScores, 2);
  equal(one.report.worstScoreError, null);
  equal(one.report.constantElements, 8);
});

Deno.test("refuses wrong calibration data and widths", () => {
  const g = new GraphBuilder([4]);
  const onnx = g.bytes(g.dense("x", 4, 2));
  const compile = (options: object) => () =>
    compileModel(onnx, { name: "x", calibration: g.readings(2), ...options });
  throws(compile({ calibration: [] }), /one reading or more/);
  throws(compile({ calibration: [[1, 2]] }), /readings of 4 elements/);
  throws(compile({ calibration: [[1, NaN, 2, 3]] }), /NaN at element 1/);
  throws(compile({ weightBits: 1 }), /2 to 16 bits, got 1/);
  throws(compile({ weightBits: [8, 8] }), /expected 1 weight widths, got 2/);
});

const prescription = {
  format: "cipherlayer-quantisation-1",
  input: { scale: .5, offset: 0, low: 0, high: 15 },
  layers: [
    {
      weightLimit: 3,
      accumulatorScale: .125,
      activation: {
        low: 0,
        high: 31,
        scale: .25,
        multiplier: 1 << 19,
        shift: 20,
      },
    },
    { weightLimit: 7, accumulatorScale: .25 * .5, activation: null },
  ],
};

/** Two dense layers whose weights lie on the prescription's grid. */
function onGrid(): Uint8Array {
  const g = new GraphBuilder([2]);
  const dense = (x: string, weights: number[][], bias: number[]) =>
    g.node("Gemm", [
      x,
      g.constant({
        shape: [weights.length, weights[0].length],
        data: weights.flat(),
      }),
      g.constant({ shape: [bias.length], data: bias }),
    ]);
  const first = dense("x", [[.25, -.75, .5], [0, .5, -.25]], [.25, 0, -.5]);
  return g.bytes(
    dense(g.node("Relu", [first]), [[.5, -3.5], [1, 0], [-1.5, 2]], [0, .125]),
  );
}

Deno.test("takes a prescribed quantisation as it stands", () => {
  const { model } = compileModel(onGrid(), {
    name: "prescribed",
    calibration: [],
    quantisation: parseQuantisation(JSON.stringify(prescription)),
  });
  verifyPackage(model);
  const { inputs: [input], rounds, outputs: [output] } = model.manifest;
  const { scale, offset, low, high } = input;
  deepEqual({ scale: scale[0], offset: offset[0], low, high }, {
    ...prescription.input,
  });
  deepEqual([...model.tensors.get("round0.weights")!.data], [
    1,
    0,
    -3,
    2,
    2,
    -1,
  ]);
  deepEqual([...model.tensors.get("round0.bias")!.data], [2, 0, -4]);
  deepEqual(rounds[0].steps, [
    { op: "relu" },
    { op: "requantise", multiplier: 1 << 19, shift: 20, low: 0, high: 31 },
  ]);
  deepEqual(output.scale, [.125]);
  // x = [4, 6]: accumulators [6, 0, 10] -> [3, 0, 5] -> by hand.
  const { rounds: [first], integers } = simulate(model, Float64Array.of(4, 6));
  deepEqual([...first.accumulators], [6, 0, -2]);
  deepEqual([...integers], [3 * 1, 3 * -7 + 1]);
});

Deno.test("refuses a prescription for another model or of another format", () => {
  const compile = (changed: object) => () =>
    compileModel(onGrid(), {
      name: "x",
      calibration: [],
      quantisation: parseQuantisation(
        JSON.stringify({ ...prescription, ...changed }),
      ),
    });
  const [first, second] = prescription.layers;
  throws(compile({ layers: [first] }), /expected 2 layers, got 1/);
  throws(
    compile({ layers: [{ ...first, accumulatorScale: .13 }, second] }),
    /no multiple of its scale/,
  );
  throws(compile({ format: "other" }), /got "other"/);
  throws(
    compile({ layers: [{ ...first, weightLimit: "3" }, second] }),
    /layers\[0\].weightLimit to be a number, got "3"/,
  );
  const low = prescription.input.high + 1;
  throws(
    compile({ input: { ...prescription.input, low } }),
    /input.high to be an integer in \[\d+, \d+\]/,
  );
  throws(() => parseQuantisation("{"), {
    name: "RangeError",
    message: "Cannot read quantisation: expected JSON",
  });
});
