/** The third way: every operator evaluated on ciphertexts, equal to the simulator. */
import { deepEqual } from "node:assert/strict";
import { createApp } from "../../../functions/app.ts";
import { MemoryModelStore } from "../../../functions/models/memory_models.ts";
import { compileModel } from "../../../models/compiler/compile.ts";
import { simulate } from "../../../models/simulate/simulate.ts";
import { quantise } from "../../../sdk/fixed_point/quantise.ts";
import { connect } from "../../../sdk/session/session.ts";
import { owner, sealingKey } from "../../support/gateway.ts";
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
    const app = createApp({
      models: new MemoryModelStore(model),
      sealingKey,
      insecureKeys: true,
    });
    const session = await connect({
      url: "http://functions",
      model: "case",
      keys: owner,
      fetch: (input, init) =>
        Promise.resolve(app.fetch(new Request(input, init))),
    });
    const [reading] = builder.readings(1);
    const answer = await session.infer(reading);
    const integers = quantise(reading, model.manifest);
    deepEqual(answer.scores, [...simulate(model, integers).scores]);
  });
}
