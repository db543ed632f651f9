/**
 * Operators of ai.onnx.ml that are linear, against onnxruntime.
 *
 * @module
 */
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { runOnnx } from "../../../bench/shared/onnx_oracle.ts";
import { compileModel } from "../../../models/compiler/compile.ts";
import { runFloat } from "../../../models/compiler/float_reference.ts";
import { lower } from "../../../models/compiler/lower/lower.ts";
import { readOnnx } from "../../../models/compiler/onnx/read.ts";
import { simulate } from "../../../models/simulate/simulate.ts";
import { quantise } from "../../../sdk/fixed_point/quantise.ts";
import { GraphBuilder, normalNumbers } from "../../reference/graph_builder.ts";
import {
  type AttributeSpec,
  type NodeSpec,
  writeOnnx,
} from "../../reference/onnx_writer.ts";
import { encryptedRun } from "../../support/encrypted_run.ts";

const g = new GraphBuilder([5], { seed: 12 });
const readings = g.readings(40);
const floats = (count: number) => ({
  floats: [...normalNumbers(count, g.random)],
});

type Step = [operator: string, attributes: Record<string, AttributeSpec>];

/** Nodes one behind the other; a classifier's scores go on. */
function chain(steps: Step[], outputs: string[]): Uint8Array {
  let x = "x";
  const nodes = steps.map(([operator, attributes], i): NodeSpec => {
    const inputs = [x];
    x = i === steps.length - 1 ? "y" : `t${i}`;
    return {
      operator,
      attributes,
      inputs,
      domain: "ai.onnx.ml",
      name: `${operator}_${i}`,
      outputs: operator === "LinearClassifier" ? ["label", x] : [x],
    };
  });
  return writeOnnx({
    inputs: { x: [1, 5] },
    outputs,
    nodes,
    types: { label: "int64" },
  });
}

const scale: Step = ["Scaler", { offset: floats(5), scale: floats(5) }];
const classes = (count: number, transform: string): Step => [
  "LinearClassifier",
  {
    coefficients: floats(5 * count),
    intercepts: floats(count),
    classlabels_ints: Array.from({ length: count }, (_, i) => 10 + i),
    multi_class: 1,
    post_transform: transform,
  },
];
const opposed = floats(5).floats;

/** Each as onnxruntime has it, and what is left to display. */
const models: Record<string, { onnx: Uint8Array; tail: string }> = {
  "Scaler, LinearRegressor": {
    onnx: chain([scale, ["LinearRegressor", {
      coefficients: floats(10),
      intercepts: floats(2),
      targets: 2,
    }]], ["y"]),
    tail: "none",
  },
  "LinearClassifier's scores": {
    onnx: chain([classes(3, "NONE")], ["label", "y"]),
    tail: "none",
  },
  "LinearClassifier's probabilities": {
    onnx: chain([scale, classes(3, "SOFTMAX")], ["label", "y"]),
    tail: "softmax",
  },
  "LinearClassifier by logistic functions": {
    onnx: chain([classes(3, "LOGISTIC")], ["y"]),
    tail: "none",
  },
  "LinearClassifier of two opposed classes, normalised": {
    onnx: chain([["LinearClassifier", {
      coefficients: { floats: [...opposed.map((w) => -w), ...opposed] },
      intercepts: { floats: [-.5, .5] },
      classlabels_ints: [0, 1],
      post_transform: "LOGISTIC",
    }], ["Normalizer", { norm: "L1" }]], ["label", "y"]),
    tail: "softmax",
  },
  "SVMRegressor with support vectors": {
    onnx: chain([["SVMRegressor", {
      coefficients: floats(4),
      support_vectors: floats(20),
      n_supports: 4,
      rho: { floats: [.25] },
      kernel_type: "LINEAR",
      kernel_params: { floats: [1, 0, 1] },
      post_transform: "NONE",
    }]], ["y"]),
    tail: "none",
  },
};

function displayed(scores: Float64Array, tail: string): number[] {
  if (tail === "none") return [...scores];
  const sum = scores.reduce((total, x) => total + Math.exp(x), 0);
  return Array.from(scores, (x) => Math.exp(x) / sum);
}

for (const [name, { onnx, tail }] of Object.entries(models)) {
  Deno.test(`${name}: as onnxruntime, and encrypted as simulated`, async () => {
    const expected = await runOnnx(onnx, readings, [1, 5], { output: "y" });
    const network = lower(readOnnx(onnx));
    equal(network.outputs.length, 1);
    equal(network.outputs[0].tail, tail);
    readings.forEach((reading, s) => {
      displayed(runFloat(network, reading), tail).forEach((value, i) =>
        ok(Math.abs(value - expected[s][i]) < 1e-5)
      );
    });
    const { model, check } = compileModel(onnx, {
      name: "ml",
      calibration: readings,
      reveal: "scores",
      privacy: "paper",
    });
    ok(check.difference < 1e-12);
    const answer = await encryptedRun(model, readings[0]);
    const { scores } = simulate(model, quantise(readings[0], model.manifest));
    const wanted = displayed(Float64Array.from(scores), tail);
    answer.scores!.forEach((value, i) =>
      ok(Math.abs(value - wanted[i]) < 1e-12)
    );
    equal(answer.scores!.length, wanted.length);
  });
}

Deno.test("OneHotEncoder tells integers apart", async () => {
  const readings = Array.from(
    { length: 16 },
    (_, i) => Float64Array.of(i % 8, 7 - Math.floor(i / 2)),
  );
  const onnx = writeOnnx({
    inputs: { x: [1, 2] },
    outputs: ["y"],
    constants: {
      w: { shape: [8, 3], data: normalNumbers(24, g.random) },
    },
    nodes: [
      {
        operator: "OneHotEncoder",
        domain: "ai.onnx.ml",
        inputs: ["x"],
        outputs: ["h"],
        attributes: { cats_int64s: [3, 5, 7, 1], zeros: 1 },
      },
      { operator: "Flatten", inputs: ["h"], outputs: ["f"] },
      { operator: "Gemm", inputs: ["f", "w"], outputs: ["y"] },
    ],
  });
  const expected = await runOnnx(onnx, readings, [1, 2]);
  const { model } = compileModel(onnx, { name: "hot", calibration: readings });
  readings.forEach((reading, s) => {
    const { scores } = simulate(model, quantise(reading, model.manifest));
    scores.forEach((score, i) =>
      ok(Math.abs(score - expected[s][i]) < .05, `${score} ${expected[s][i]}`)
    );
  });
});

Deno.test("maps by label become scores that the labels name", () => {
  const onnx = chain([
    ["LinearClassifier", {
      coefficients: floats(10),
      intercepts: floats(2),
      classlabels_strings: { strings: ["off", "on"] },
      post_transform: "SOFTMAX",
    }],
    ["ZipMap", { classlabels_strings: { strings: ["off", "on"] } }],
  ], ["label", "y"]);
  const { model } = compileModel(onnx, { name: "map", calibration: readings });
  const [output] = model.manifest.outputs;
  deepEqual([output.name, output.labels], ["y", ["off", "on"]]);
  equal(model.manifest.reveal, "label");
});

Deno.test("refuses non-linear operators of ai.onnx.ml with the reason", () => {
  const refused: [Step[], RegExp][] = [
    [[["TreeEnsembleClassifier", {}]], /trees compare features/],
    [[["Normalizer", { norm: "L2" }]], /divides by a norm that depends/],
    [[["SVMClassifier", {}]], /counts votes/],
    [
      [["SVMRegressor", { kernel_type: "RBF" }]],
      /its kernel RBF and transformation NONE are not linear/,
    ],
    [
      [["LinearClassifier", {
        ...classes(3, "NONE")[1],
        post_transform: "PROBIT",
      }]],
      /its transformation "PROBIT" is not known/,
    ],
    [[classes(1, "NONE")], /it has 1 rows of coefficients/],
    [[["Scaler", { offset: floats(3) }]], /3 values of offset do not fit 5/],
    [
      [["LinearRegressor", { coefficients: floats(4) }]],
      /4 coefficients and 1 intercepts do not fit 5 features/,
    ],
    [
      [["OneHotEncoder", { cats_int64s: [1, 2], zeros: 0 }]],
      /others than them are errors/,
    ],
  ];
  for (const [steps, message] of refused) {
    throws(() => lower(readOnnx(chain(steps, ["y"]))), message);
  }
});
