/**
 * Models that are quantised already: their integers are onnxruntime's, without calibration.
 *
 * @module
 */
import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { runOnnx } from "../../../bench/shared/onnx_oracle.ts";
import { compileModel } from "../../../models/compiler/compile.ts";
import { lower } from "../../../models/compiler/lower/lower.ts";
import { UnsupportedModelError } from "../../../models/compiler/lower/unsupported.ts";
import { readOnnx } from "../../../models/compiler/onnx/read.ts";
import { commonStep } from "../../../models/compiler/quantise/given.ts";
import { evaluator } from "../../../models/compiler/reference/evaluate.ts";
import { simulate } from "../../../models/simulate/simulate.ts";
import { quantise } from "../../../sdk/fixed_point/quantise.ts";
import {
  GraphBuilder,
  normalNumbers,
  randomNumbers,
} from "../../reference/graph_builder.ts";
import { writeOnnx } from "../../reference/onnx_writer.ts";
import { quantisedCases } from "./operators/quantised_cases.ts";
import { buildCase } from "./operators/operator_case.ts";
import { encryptedRun } from "../../support/encrypted_run.ts";

/** Pictures of bytes in, bytes out: two convolutions and a dense layer in integers. */
function bytesToBytes(): Uint8Array {
  const g = new GraphBuilder([2, 6, 6], { seed: 5 });
  const input = [g.number(.0123), g.zeroPoint(117)];
  const middle = [g.number(.0311), g.zeroPoint(4)];
  const last = [g.number(.0527), g.zeroPoint(90)];
  const weights = (shape: number[]) => [
    g.int8(shape),
    g.constant({ shape: [1], data: [.0107] }),
    g.zeroPoint(0, "int8"),
  ];
  const a = g.node("QLinearConv", [
    ...["x", ...input, ...weights([4, 2, 3, 3]), ...middle],
    g.constant({ shape: [4], data: [90, -800, 1700, 0], type: "int32" }),
  ], { pads: [1, 1, 1, 1] });
  const pool = { kernel_shape: [2, 2], strides: [2, 2] };
  const flat = g.node("Flatten", [
    g.node("MaxPool", [a], pool),
  ]);
  const y = g.node("QLinearMatMul", [
    ...[flat, ...middle, ...weights([36, 5]), ...last],
  ]);
  return writeOnnx({ ...g.graph(y), types: { x: "uint8", [y]: "uint8" } });
}

function bytes(count: number, size: number): Float64Array[] {
  const random = randomNumbers(9);
  return Array.from(
    { length: count },
    () => Float64Array.from({ length: size }, () => Math.floor(random() * 256)),
  );
}

Deno.test("bytes in, bytes out: the integers are onnxruntime's, without calibration", async () => {
  const onnx = bytesToBytes(), readings = bytes(60, 72);
  const { model, check } = compileModel(onnx, { name: "q", calibration: [] });
  const { inputs: [input], outputs: [output] } = model.manifest;
  deepEqual([input.low, input.high, output.offset], [-117, 138, [90]]);
  ok(check.readings > 0 && check.difference === 0);
  const expected = await runOnnx(onnx, readings, [1, 2, 6, 6], {
    type: "uint8",
  });
  let differing = 0;
  readings.forEach((reading, s) => {
    const { scores } = simulate(model, quantise(reading, model.manifest));
    scores.forEach((score, i) => {
      const distance = Math.abs(score - expected[s][i]);
      ok(distance < 1 + 1e-9, `${score} against ${expected[s][i]}`);
      if (distance > 1e-9) differing++;
    });
  });
  equal(differing, 0);
});

Deno.test("scales by channel: at most one integer of a hundred differs, by one step", async () => {
  const g = new GraphBuilder([3, 6, 6], { seed: 8 });
  const parts = [g.number(.0713), g.zeroPoint(128)];
  const x = g.node("QuantizeLinear", ["x", ...parts]);
  const y = g.node("QLinearConv", [
    ...[x, ...parts, g.int8([6, 3, 3, 3])],
    g.constant({ shape: [6], data: [.001, .0031, .0077, .0093, .002, .005] }),
    g.constant({ shape: [6], data: Array(6).fill(0), type: "int8" }),
    ...[g.number(.0513), g.zeroPoint(120)],
  ]);
  const onnx = writeOnnx({ ...g.graph(y), types: { [y]: "uint8" } });
  const readings = g.readings(30);
  const expected = await runOnnx(onnx, readings, [1, 3, 6, 6]);
  const { model } = compileModel(onnx, { name: "q", calibration: [] });
  let differing = 0, count = 0;
  readings.forEach((reading, s) => {
    const integers = quantise(reading, model.manifest, { clamp: true });
    simulate(model, integers).scores.forEach((score, i) => {
      const distance = Math.abs(score - expected[s][i]);
      ok(distance < 1 + 1e-9);
      if (distance > 1e-9) differing++;
      count++;
    });
  });
  ok(differing <= count / 100, `${differing} of ${count}`);
});

/** Convolution, rectifier and dense layer as QONNX writes them. */
function qonnx(): { onnx: Uint8Array; g: GraphBuilder } {
  const g = new GraphBuilder([2, 5, 5], { seed: 4 });
  const quant = (x: string, scale: string, bits: number, attributes = {}) =>
    g.node("Quant", [x, scale, g.number(0), g.number(bits)], {
      signed: 1,
      narrow: 0,
      rounding_mode: "ROUND",
      ...attributes,
    });
  const each = g.constant({ shape: [3, 1, 1, 1], data: [.0317, .0523, .0211] });
  const kernel = quant(g.weights([3, 2, 3, 3], 18), each, 4, { narrow: 1 });
  const x = quant("x", g.number(.05), 8);
  const sum = g.node("Conv", [x, kernel]);
  const a = quant(g.node("Relu", [sum]), g.number(.125), 4, { signed: 0 });
  const signs = g.node("BipolarQuant", [g.weights([27, 4]), g.number(.25)]);
  const scores = g.node("MatMul", [g.node("Flatten", [a]), signs]);
  const y = g.node("BipolarQuant", [scores, g.number(.5)]);
  const graph = g.graph(y);
  const domain = "qonnx.custom_op.general";
  const nodes = graph.nodes.map((node) =>
    node.operator.endsWith("Quant") ? { ...node, domain } : node
  );
  return { onnx: writeOnnx({ ...graph, nodes }), g };
}

/** What PULP's tools export: integers as real numbers, and shifts between layers. */
function shifts(): { onnx: Uint8Array; g: GraphBuilder } {
  const g = new GraphBuilder([2, 5, 5], { seed: 6 });
  const whole = (shape: number[], reach: number) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const data = Array.from(
      { length: size },
      () => Math.round((g.random() - .5) * 2 * reach),
    );
    return g.constant({ shape, data });
  };
  const shift = (x: string, mul: string, add: string, signed: number) =>
    g.node("RequantShift", [x, mul, add], {
      div: { shape: [1], data: [65536] },
      n_levels_out: { shape: [1], data: [256] },
      signed: { shape: [1], data: [signed] },
    });
  const sum = g.node("Conv", ["x", whole([3, 2, 3, 3], 40)]);
  const each = g.constant({ shape: [3, 1, 1], data: [514, 700, 389] });
  const a = shift(sum, each, whole([3, 1, 1], 90000), 0);
  const scores = g.node("Gemm", [
    g.node("Flatten", [a]),
    whole([27, 4], 20),
    whole([4], 900),
  ]);
  const y = shift(scores, g.number(257), g.number(0), 1);
  return { onnx: writeOnnx(g.graph(y)), g };
}

for (
  const [name, { onnx, g }] of Object.entries({
    qonnx: qonnx(),
    shifts: shifts(),
  })
) {
  Deno.test(`${name}: the integers are the operators' own`, () => {
    const size = 50;
    const random = randomNumbers(3);
    const readings = name === "qonnx"
      ? g.readings(40)
      : Array.from({ length: 40 }, () =>
        Float64Array.from(
          { length: size },
          () => Math.floor(random() * 256) - 128,
        ));
    const graph = readOnnx(onnx);
    const expected = evaluator(graph, [graph.outputs[0].name]);
    const { model, report } = compileModel(onnx, {
      name,
      calibration: readings.slice(0, 20),
    });
    equal(report.worstScoreError ?? 0, 0);
    let differing = 0;
    for (const reading of readings.slice(20)) {
      const integers = quantise(reading, model.manifest, { clamp: true });
      const { scores } = simulate(model, integers);
      expected(reading).forEach((value, i) => {
        if (Math.abs(value - scores[i]) > 1e-9) differing++;
      });
    }
    ok(differing <= 1, `${differing} of 80`);
  });
}

Deno.test("quantised models give on ciphertexts what the simulator gives", async () => {
  const [picture] = bytes(1, 72), [reading] = bytes(1, 50);
  for (
    const [onnx, given] of [
      [bytesToBytes(), picture],
      [qonnx().onnx, reading.map((v) => (v - 128) / 30)],
      [shifts().onnx, reading.map((v) => v - 128)],
    ] as const
  ) {
    const { model } = compileModel(onnx, {
      name: "quantised",
      calibration: [given],
      reveal: "scores",
      privacy: "paper",
    });
    const { scores } = await encryptedRun(model, given);
    deepEqual(scores, [
      ...simulate(model, quantise(given, model.manifest)).scores,
    ]);
  }
});

Deno.test("tensors quantised alike join without a round of their own", () => {
  const operatorCase = quantisedCases.find(({ name }) =>
    name.startsWith("Concat and Slice")
  )!;
  const { rounds } = lower(readOnnx(buildCase(operatorCase).onnx));
  deepEqual(rounds.map(({ terms }) => terms.length), [1, 1, 2]);
});

Deno.test("RequantShift rounds down, and stays within its levels", () => {
  const g = new GraphBuilder([4]);
  const y = g.node("RequantShift", ["x", g.number(3), g.number(1)], {
    div: 4,
    n_levels: 16,
    signed: 1,
  });
  const graph = readOnnx(g.bytes(y));
  deepEqual([...evaluator(graph, [y])([-100, -1, 1, 2])], [-8, -1, 1, 1]);
});

Deno.test("finds the common step of weights where there is one", () => {
  const random = randomNumbers(2);
  const integers = Float64Array.from(
    { length: 500 },
    () => Math.floor(random() * 255) - 127,
  );
  const step = .00371936;
  const found = commonStep([
    Float64Array.of(0, 0),
    integers.map((q) => Math.fround(q * step)),
  ]);
  ok(Math.abs(found! / step - 1) < 1e-6);
  // Whatever their order.
  for (const large of [19, 31, 127, 2047]) {
    const both = Float64Array.of(step, large * step, 4 * step);
    ok(Math.abs(commonStep([both])! / step - 1) < 1e-6, `${large}`);
  }
  equal(commonStep([Float64Array.from(normalNumbers(50, random))]), null);
  equal(commonStep([Float64Array.of(0, 0)]), null);
  // Three and two of 0.5, not five of 0.3.
  ok(Math.abs(commonStep([Float64Array.of(1.5, -1)])! - .5) < 1e-12);
});

/** Why the only refused node is. */
function refusal(build: (g: GraphBuilder) => string): string {
  const g = new GraphBuilder([4, 4, 4]);
  try {
    lower(readOnnx(g.bytes(build(g))));
  } catch (error) {
    ok(error instanceof UnsupportedModelError, `${error}`);
    return error.nodes.map(({ operator, why }) => `${operator}: ${why}`).join();
  }
  return "none";
}

Deno.test("refuses by name what quantised models may not contain", () => {
  const rounded = (g: GraphBuilder, scale: number) =>
    g.node("QuantizeLinear", ["x", g.number(scale), g.zeroPoint(3)]);
  const refused: [(g: GraphBuilder) => string, RegExp][] = [
    [
      (g) =>
        g.node("DequantizeLinear", [
          g.node("Concat", [rounded(g, .1), rounded(g, .2)], { axis: 1 }),
          g.number(.1),
          g.zeroPoint(3),
        ]),
      /Concat: it joins integers of different scales/,
    ],
    [(g) => rounded(g, -.1), /QuantizeLinear: its 1 scales .* are none/],
    [
      (g) =>
        g.node("QuantizeLinear", [
          "x",
          g.constant({ shape: [3], data: [1, 2, 3] }),
        ]),
      /QuantizeLinear: its 3 scales do not fit axis 1 of \[1,4,4,4\]/,
    ],
    [
      (g) =>
        g.node("QuantizeLinear", [
          "x",
          g.number(.1),
          g.constant({ shape: [], data: [0], type: "int32" }),
        ]),
      /QuantizeLinear: it rounds to integers of a type that is not known/,
    ],
    [
      (g) => {
        const q = rounded(g, .1);
        return g.node("Add", [q, q]);
      },
      /Add: it computes in integers/,
    ],
    [
      (g) => g.node("QuantizeLinear", ["x", g.number(.1)], { block_size: 2 }),
      /QuantizeLinear: its attribute "block_size" is not known/,
    ],
    [
      (g) =>
        g.node("Quant", ["x", g.number(.1), g.number(0), g.number(4)], {
          rounding_mode: "FLOOR",
        }),
      /Quant: its rounding "FLOOR" is known on constants only/,
    ],
    [
      (g) =>
        g.node("RequantShift", ["x", g.number(1), g.number(0)], {
          div: 0,
          signed: 1,
          n_levels: 256,
        }),
      /RequantShift: its divisor 0/,
    ],
    [
      (g) => g.node("QuantizeLinear", ["x", g.node("Relu", ["x"])]),
      /QuantizeLinear: input 1 .* depends on the reading/,
    ],
  ];
  for (const [build, message] of refused) match(refusal(build), message);
});

Deno.test("DynamicQuantizeLinear in products follows onnxruntime; elsewhere it is refused", async () => {
  const g = new GraphBuilder([12], { seed: 15 });
  const graph = g.graph("");
  const scale = g.number(.0041), zero = g.zeroPoint(0, "int8");
  const product = g.node("MatMulInteger", [
    ...["q", g.int8([12, 8]), "zero", zero],
  ]);
  const y = g.node("Mul", [
    g.node("Cast", [product], { to: 1 }),
    g.node("Mul", ["scale", scale]),
  ]);
  const dynamic = {
    operator: "DynamicQuantizeLinear",
    inputs: ["x"],
    outputs: ["q", "scale", "zero"],
  };
  const onnx = writeOnnx({
    ...graph,
    nodes: [dynamic, ...graph.nodes],
    outputs: [y],
  });
  const readings = g.readings(80), unseen = g.readings(20);
  const expected = await runOnnx(onnx, unseen, [1, 12]);
  const { model } = compileModel(onnx, { name: "d", calibration: readings });
  let difference = 0, energy = 0;
  unseen.forEach((reading, s) => {
    const integers = quantise(reading, model.manifest, { clamp: true });
    simulate(model, integers).scores.forEach((score, i) => {
      difference += (score - expected[s][i]) ** 2;
      energy += expected[s][i] ** 2;
    });
  });
  ok(difference < .03 ** 2 * energy, `${Math.sqrt(difference / energy)}`);
  // Read by something else, not scaled, or by another scale.
  const refused = [
    [{ operator: "Relu", inputs: ["q"], outputs: ["z"] }],
    [{ operator: "MatMulInteger", inputs: ["q", "w", "zero"], outputs: ["z"] }],
    [{ operator: "Mul", inputs: ["x", "scale"], outputs: ["z"] }],
    [
      { ...dynamic, outputs: ["q2", "scale2", "zero2"] },
      { operator: "MatMulInteger", inputs: ["q", "w", "zero"], outputs: ["p"] },
      {
        operator: "Cast",
        inputs: ["p"],
        outputs: ["r"],
        attributes: { to: 1 },
      },
      { operator: "Mul", inputs: ["r", "scale2"], outputs: ["z"] },
    ],
  ];
  const w = {
    shape: [12, 2],
    data: Array.from({ length: 24 }, (_, i) => i - 9),
    type: "int8" as const,
  };
  for (const nodes of refused) {
    const other = {
      ...graph,
      constants: { w },
      nodes: [dynamic, ...nodes],
      outputs: ["z"],
    };
    throws(
      () => lower(readOnnx(writeOnnx(other))),
      /DynamicQuantizeLinear.*read by more than a product/,
    );
  }
});

Deno.test("a quantised model of another kind of reading still wants calibration", () => {
  const g = new GraphBuilder([4]);
  const y = g.node("QuantizeLinear", [g.dense("x", 4, 3), g.number(.1)]);
  const onnx = writeOnnx({ ...g.graph(y), types: { [y]: "uint8" } });
  throws(
    () => compileModel(onnx, { name: "q", calibration: [] }),
    /Cannot calibrate: expected one reading or more, got 0/,
  );
});
