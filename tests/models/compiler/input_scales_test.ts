/**
 * Readings of different units in one input: each element of a vector, or channel of a
 * map, has a scale and offset of its own, and the promised error holds.
 *
 * @module
 */
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { compileModel } from "../../../models/compiler/compile.ts";
import { runFloat } from "../../../models/compiler/float_reference.ts";
import { verifyPackage } from "../../../models/package/verify.ts";
import { simulate } from "../../../models/simulate/simulate.ts";
import { quantise } from "../../../sdk/fixed_point/quantise.ts";
import { GraphBuilder, normalNumbers } from "../../reference/graph_builder.ts";

/** The promise of models/README.md: the worst score's error about its mean. */
const maxError = .03;
/** Pressure in Pa, degrees, a share, and a sensor that never moved. */
const means = [101_325, 21, .4, 7], deviations = [500, 4, .15, 0];

/** Readings of `area` values a channel. */
function sensorReadings(count: number, area: number, seed: number) {
  const { random } = new GraphBuilder([1], { seed });
  return Array.from(
    { length: count },
    () =>
      Float64Array.from(
        means.flatMap((mean, c) =>
          [...normalNumbers(area, random)].map((z) => mean + deviations[c] * z)
        ),
      ),
  );
}

/** The reading as its author normalises it, inside of the model. */
function normalised(g: GraphBuilder, extents: number[]): string {
  const shape = [means.length, ...extents];
  const mean = g.constant({ shape, data: means });
  const deviation = g.constant({
    shape,
    data: deviations.map((d) => d === 0 ? 1 : d),
  });
  return g.node("Div", [g.node("Sub", ["x", mean]), deviation]);
}

function relativeError(
  compiled: ReturnType<typeof compileModel>,
  readings: Float64Array[],
): number {
  let noise = 0, energy = 0;
  for (const reading of readings) {
    const { scores } = simulate(
      compiled.model,
      quantise(reading, compiled.model.manifest, { clamp: true }),
    );
    runFloat(compiled.network, reading).forEach((value, i) => {
      noise += (scores[i] - value) ** 2;
      energy += value ** 2;
    });
  }
  return Math.sqrt(noise / energy);
}

Deno.test("pressure in Pa beside shares keeps the promised error", () => {
  const g = new GraphBuilder([4], { seed: 8 });
  const hidden = g.node("Relu", [g.dense(normalised(g, []), 4, 16)]);
  const onnx = g.bytes(g.dense(hidden, 16, 3));
  const compiled = compileModel(onnx, {
    name: "room",
    calibration: sensorReadings(300, 1, 1),
    inputNames: ["pressure", "temperature", "humidity", "mode"],
    units: ["Pa", "°C", "1", "1"],
  });
  verifyPackage(compiled.model);
  const { report, model } = compiled;
  ok(report.worstScoreError! <= maxError, `${report.worstScoreError}`);
  const fresh = relativeError(compiled, sensorReadings(200, 1, 2));
  ok(fresh <= maxError, `${fresh}`);
  const [input] = model.manifest.inputs;
  equal(input.scale.length, 4);
  deepEqual([input.low, input.offset.length], [0, 4]);
  // By name; what the sensor that never moved gave stays what it is.
  const byName = quantise(
    { pressure: 101_400, temperature: 20, humidity: .5, mode: 7 },
    model.manifest,
  );
  deepEqual(byName, quantise([101_400, 20, .5, 7], model.manifest));
  const mode = byName[3] * input.scale[3] + input.offset[3];
  ok(Math.abs(mode - 7) < 1e-9, `${mode}`);
  throws(
    () => quantise([101_400, 20, 1.9, 7], model.manifest),
    /expected a value in \[.*\].* at index 2 \("humidity"\), got 1.9/,
  );
});

Deno.test("channels of different units keep the promised error, at padded borders too", () => {
  const g = new GraphBuilder([4, 6, 5], { seed: 9 });
  const x = normalised(g, [1, 1]);
  const map = g.node("Relu", [
    g.conv(x, [6, 4, 3, 3], { pads: [1, 1, 1, 1], strides: [2, 1] }),
  ]);
  const onnx = g.bytes(g.head(map, 6 * 3 * 5, 3));
  const compiled = compileModel(onnx, {
    name: "maps",
    calibration: sensorReadings(120, 30, 3),
  });
  const { report, model } = compiled;
  verifyPackage(model);
  ok(report.worstScoreError! <= maxError, `${report.worstScoreError}`);
  const fresh = relativeError(compiled, sensorReadings(60, 30, 4));
  ok(fresh <= maxError, `${fresh}`);
  equal(model.manifest.inputs[0].scale.length, 4);
  // What padding leaves out is a bias for each position.
  equal(model.tensors.get("round0.bias")!.shape.length, 3);
});

Deno.test("elements of one unit share a scale, the borders of pictures too", () => {
  const g = new GraphBuilder([12], { seed: 10 });
  const hidden = g.node("Relu", [g.dense("x", 12, 16)]);
  const onnx = g.bytes(g.dense(hidden, 16, 3));
  // A border where hardly anything is drawn.
  const calibration = g.readings(200).map((reading, i) =>
    reading.map((value, at) =>
      at < 3 ? (i === at ? .02 : 0) : Math.max(0, value)
    )
  );
  const { model, report } = compileModel(onnx, { name: "plain", calibration });
  const [input] = model.manifest.inputs;
  deepEqual([input.scale.length, input.offset], [1, [0]]);
  ok(report.worstScoreError! <= maxError);
});
