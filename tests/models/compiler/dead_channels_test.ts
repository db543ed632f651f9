/** Rows whose weights are nothing beside their bias, as weight decay leaves them. */
import { ok, throws } from "node:assert/strict";
import { compileModel } from "../../../models/compiler/compile.ts";
import { runFloat } from "../../../models/compiler/float_reference.ts";
import { parseQuantisation } from "../../../models/compiler/quantise/prescribed.ts";
import { verifyPackage } from "../../../models/package/verify.ts";
import { quantise } from "../../../sdk/fixed_point/quantise.ts";
import { simulate } from "../../../models/simulate/simulate.ts";
import { GraphBuilder, normalNumbers } from "../../reference/graph_builder.ts";

/** Weights and biases of 16 rows, two of which are dead. */
function withDeadRows(g: GraphBuilder, shape: number[], size: number) {
  const perRow = shape.slice(1).reduce((a, b) => a * b, 1);
  const weights = normalNumbers(16 * perRow, g.random, 1 / Math.sqrt(perRow));
  const bias = normalNumbers(16, g.random, .2);
  for (const row of [3, 9]) {
    for (let i = row * perRow; i < (row + 1) * perRow; i++) weights[i] *= size;
    bias[row] = row === 3 ? .5 : -.5;
  }
  return [
    g.constant({ shape, data: weights }),
    g.constant({ shape: [16], data: bias }),
  ];
}

const nets: Record<string, (g: GraphBuilder, size: number) => string> = {
  "a convolution": (g, size) => {
    const conv = g.node("Conv", ["x", ...withDeadRows(g, [16, 3, 3, 3], size)]);
    return g.head(g.node("Relu", [conv]), 16 * 36, 5);
  },
  "a layer behind a sigmoid": (g, size) => {
    const flat = g.node("Flatten", ["x"]);
    const dense = g.node("Gemm", [flat, ...withDeadRows(g, [16, 192], size)], {
      transB: 1,
    });
    return g.dense(g.node("Sigmoid", [dense]), 16, 5);
  },
};

for (const [name, build] of Object.entries(nets)) {
  for (const size of [1e-6, 1e-9, 1e-12, 1e-20, 0]) {
    Deno.test(`dead rows (weights times ${size}) of ${name} cost the others nothing`, () => {
      const g = new GraphBuilder([3, 8, 8], { seed: 4 });
      const onnx = g.bytes(build(g, size));
      const { model, network } = compileModel(onnx, {
        name: "dead",
        calibration: g.readings(40),
        weightBits: 8,
        activationBits: 8,
      });
      verifyPackage(model);
      let noise = 0, energy = 0;
      for (const reading of g.readings(10)) {
        const integers = quantise(reading, model.manifest, {
          clamp: true,
        });
        const { scores } = simulate(model, integers);
        runFloat(network, reading).forEach((score, i) => {
          noise += (score - scores[i]) ** 2;
          energy += score ** 2;
        });
      }
      const error = Math.sqrt(noise / energy);
      ok(error < .03, `relative error ${error}`);
    });
  }
}

Deno.test("refuses a bias that a prescribed scale takes beyond 32 bits", () => {
  const g = new GraphBuilder([2]);
  const onnx = g.bytes(g.node("Gemm", [
    "x",
    g.constant({ shape: [2, 1], data: [1e-6, -2e-6] }),
    g.constant({ shape: [1], data: [7e4] }),
  ]));
  const quantisation = parseQuantisation(JSON.stringify({
    format: "cipherlayer-quantisation-1",
    input: { scale: 1, offset: 0, low: 0, high: 15 },
    layers: [{ weightLimit: 7, accumulatorScale: 1e-6, activation: null }],
  }));
  throws(
    () => compileModel(onnx, { name: "x", calibration: [], quantisation }),
    /Cannot hold the biases of .*: 1 of 1 do not fit 32 bits/,
  );
});
