/** Branches of other ranges keep their scales, inside of a model and where it ends. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { compileModel } from "../../../models/compiler/compile.ts";
import { simulate } from "../../../models/simulate/simulate.ts";
import { quantise } from "../../../sdk/fixed_point/quantise.ts";
import { GraphBuilder } from "../../reference/graph_builder.ts";
import { encryptedRun } from "../../support/encrypted_run.ts";

/** Two branches side by side, the second a thousand times as strong. */
function branches(g: GraphBuilder): string {
  const strong = g.node("Mul", [g.conv("x", [4, 4, 3, 3]), g.number(1000)]);
  return g.node("Concat", [
    g.node("Relu", [g.conv("x", [4, 4, 3, 3])]),
    g.node("Relu", [strong]),
  ], { axis: 1 });
}

const options = {
  name: "branches",
  weightBits: 8,
  activationBits: 8,
  privacy: "paper",
} as const;

Deno.test("a Concat at the end keeps a scale for each branch", async () => {
  const g = new GraphBuilder([4, 6, 6], { seed: 3 });
  const onnx = g.bytes(branches(g)), readings = g.readings(20);
  const { model, report } = compileModel(onnx, {
    ...options,
    calibration: readings,
  });
  ok(report.worstScoreError! < .04, `${report.worstScoreError}`);
  const [{ scale }] = model.manifest.outputs;
  equal(scale.length, 8);
  ok(scale[4] > 100 * scale[0]);
  const { scores } = await encryptedRun(model, readings[0]);
  deepEqual(scores, [
    ...simulate(model, quantise(readings[0], model.manifest)).scores,
  ]);
});

Deno.test("a Concat inside of a model keeps a scale for each branch", () => {
  const g = new GraphBuilder([4, 6, 6], { seed: 3 });
  const shares = g.constant({
    shape: [1, 8, 1, 1],
    data: [1, 1, 1, 1, .001, .001, .001, .001],
  });
  const even = g.node("Mul", [branches(g), shares]);
  const onnx = g.bytes(g.conv(even, [4, 8, 3, 3]));
  const { report } = compileModel(onnx, {
    ...options,
    calibration: g.readings(20),
  });
  ok(report.worstScoreError! < .04, `${report.worstScoreError}`);
});
