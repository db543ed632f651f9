import { ok } from "node:assert/strict";
import { quantise } from "../../../sdk/fixed_point/quantise.ts";
import { compileModel } from "../../../models/compiler/compile.ts";
import { runFloat } from "../../../models/compiler/float_reference.ts";
import { readOnnx } from "../../../models/compiler/onnx/read.ts";
import { lower } from "../../../models/compiler/lower/lower.ts";
import { verifyPackage } from "../../../models/package/verify.ts";
import { simulate } from "../../../models/simulate/simulate.ts";
import { runOnnx } from "../../../bench/shared/onnx_oracle.ts";
import { buildCase, operatorCases } from "./operator_cases.ts";

const readingCount = 8;

for (const operatorCase of operatorCases) {
  Deno.test(`${operatorCase.name}: as onnxruntime`, async () => {
    const { onnx, builder } = buildCase(operatorCase);
    const calibration = builder.readings(60);
    const readings = builder.readings(readingCount);
    const expected = await runOnnx(onnx, readings, [1, ...operatorCase.shape]);

    const network = lower(readOnnx(onnx));
    const float = readings.map((reading) => runFloat(network, reading));
    const exactness = relativeError(expected, float);
    ok(exactness < 1e-5, `lowering: relative error ${exactness}`);

    for (
      const [bits, max] of [[undefined, .03], [12, .003]] as const
    ) {
      const { model } = compileModel(onnx, {
        name: "case",
        calibration,
        weightBits: bits,
        activationBits: bits,
      });
      verifyPackage(model);
      const scores = readings.map((reading) =>
        simulate(model, quantise(reading, model.manifest, { clamp: true }))
          .scores
      );
      const error = relativeError(expected, scores);
      ok(error < max, `${bits ?? "default"} bits: relative error ${error}`);
    }
  });
}

/** ||actual - expected|| / ||expected|| over all samples. */
function relativeError(
  expected: ArrayLike<number>[],
  actual: ArrayLike<number>[],
): number {
  let difference = 0, size = 0;
  expected.forEach((values, s) => {
    ok(values.length === actual[s].length, "number of outputs");
    for (let i = 0; i < values.length; i++) {
      difference += (values[i] - actual[s][i]) ** 2;
      size += values[i] ** 2;
    }
  });
  return Math.sqrt(difference / size);
}
