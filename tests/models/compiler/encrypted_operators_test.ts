/** The third way: every operator evaluated on ciphertexts, equal to the simulator. */
import { deepEqual } from "node:assert/strict";
import { compileModel } from "../../../models/compiler/compile.ts";
import { simulate } from "../../../models/simulate/simulate.ts";
import { quantise } from "../../../sdk/fixed_point/quantise.ts";
import { encryptedRun } from "../../support/encrypted_run.ts";
import { buildCase, operatorCases } from "./operator_cases.ts";

for (const operatorCase of operatorCases) {
  Deno.test(`${operatorCase.name}: encrypted as simulated`, async () => {
    const { onnx, builder } = buildCase(operatorCase);
    const { model } = compileModel(onnx, {
      name: "case",
      calibration: builder.readings(20),
      inputRange: [-8, 8],
      weightBits: 6,
      activationBits: 5,
      acceptError: true,
      reveal: "scores",
      privacy: "paper",
    });
    const [reading] = builder.readings(1);
    const answer = await encryptedRun(model, reading);
    const integers = quantise(reading, model.manifest);
    deepEqual(answer.scores, [...simulate(model, integers).scores]);
  });
}
