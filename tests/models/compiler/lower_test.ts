import { deepEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { runFloat } from "../../../models/compiler/float_reference.ts";
import { readOnnx } from "../../../models/compiler/onnx/read.ts";
import { withInputShape } from "../../../models/compiler/lower/input_shape.ts";
import {
  lower,
  type LowerOptions,
} from "../../../models/compiler/lower/lower.ts";
import { UnsupportedModelError } from "../../../models/compiler/lower/unsupported.ts";
import { operandOf } from "../../../models/compiler/ir.ts";
import { GraphBuilder } from "../../reference/graph_builder.ts";
import { runOnnx } from "../../../bench/shared/onnx_oracle.ts";
import { randomGraph } from "./random_graphs.ts";

function lowered(g: GraphBuilder, output: string, options?: LowerOptions) {
  return lower(readOnnx(g.bytes(output)), options);
}

function refusal(g: GraphBuilder, output: string): UnsupportedModelError {
  try {
    lowered(g, output);
  } catch (error) {
    ok(error instanceof UnsupportedModelError, String(error));
    return error;
  }
  throw new Error("expected a refusal");
}

Deno.test("lists all offending nodes with reasons and advice", () => {
  const g = new GraphBuilder([4, 8]);
  const lstm = g.node("LSTM", [
    "x",
    g.weights([1, 8, 8]),
    g.weights([1, 8, 2]),
  ]);
  const relu = g.node("Relu", [lstm]);
  const a = g.node("TopK", [relu]);
  const b = g.node("Mystery", [a]);
  const power = g.node("Pow", [
    "x",
    g.node("Relu", [g.conv("x", [4, 4, 1])]),
  ]);
  const error = refusal(g, g.node("Add", [b, power]));
  deepEqual(error.nodes.map(({ operator }) => operator), [
    "LSTM",
    "TopK",
    "Mystery",
    "Pow",
  ]);
  ok(error.nodes.every(({ name, why, instead }) => name && why && instead));
  ok(/LSTM: LSTM_t2: .*export it unrolled/.test(error.message), error.message);
  ok(/both depend on the reading/.test(error.nodes[3].why), error.nodes[3].why);
});

Deno.test("a product of two branches of one tensor is a function; of two tensors, a step that joins them", () => {
  const g = new GraphBuilder([6]);
  const x = g.dense("x", 6, 5);
  const network = lowered(g, g.node("Mul", [g.node("Sigmoid", [x]), x]));
  equal(network.rounds.length, 1);
  deepEqual(network.rounds[0].gateway.map(({ op }) => op), ["function"]);

  const h = new GraphBuilder([6]);
  const { rounds } = lowered(
    h,
    h.node("Mul", [h.dense("x", 6, 5), h.dense("x", 6, 5)]),
  );
  const [first, second] = rounds;
  deepEqual(second.gateway.map(operandOf), [first.writes]);
});

Deno.test("linear operators between non-linearities make one round", () => {
  const g = new GraphBuilder([3, 8, 8]);
  const conv = g.conv("x", [4, 3, 3, 3], { pads: [1, 1, 1, 1] });
  const relu = g.node("Relu", [g.batchNormalization(conv, 4)]);
  const pool = g.node("AveragePool", [relu], {
    kernel_shape: [2, 2],
    strides: [2, 2],
  });
  const output = g.head(g.node("Relu", [g.conv(pool, [5, 4, 3, 3])]), 20);
  const gateway = lowered(g, output);
  deepEqual(gateway.rounds.map(({ gateway }) => gateway.map(({ op }) => op)), [
    ["relu", "averagePool"],
    ["relu"],
    [],
  ]);
  const cloud = lowered(g, output, { pool: "cloud" });
  deepEqual(cloud.rounds.map(({ gateway }) => gateway.map(({ op }) => op)), [
    ["relu"],
    ["relu"],
    [],
  ]);
  const [{ map }] = cloud.rounds[1].terms;
  ok(map.kind === "convolution");
  deepEqual([map.kernel, map.stride], [[6, 6], [2, 2]]);
  const [reading] = g.readings(1);
  const a = runFloat(gateway, reading), b = runFloat(cloud, reading);
  ok(a.every((value, i) => Math.abs(value - b[i]) < 1e-9));
});

Deno.test("a padded convolution joins a pool only where its padding meets zeros", () => {
  // 7x7 pooled by 2 leaves a row out that padding would let back in.
  for (const [size, rounds] of [[8, 2], [7, 3]]) {
    const g = new GraphBuilder([2, size, size]);
    const relu = g.node("Relu", [g.conv("x", [2, 2, 1, 1])]);
    const pool = g.node("AveragePool", [relu], {
      kernel_shape: [2, 2],
      strides: [2, 2],
    });
    const output = g.conv(pool, [3, 2, 3, 3], { pads: [1, 1, 1, 1] });
    equal(lowered(g, output, { pool: "cloud" }).rounds.length, rounds);
  }
});

Deno.test("Softmax and ArgMax at the end are left to the display", () => {
  const g = new GraphBuilder([6]);
  const softmax = g.node("Softmax", [g.dense("x", 6, 5)]);
  const network = lowered(g, softmax);
  equal(network.outputs[0].tail, "softmax");
  const logarithm = g.node("LogSoftmax", [g.dense("x", 6, 5)]);
  equal(lowered(g, logarithm).outputs[0].tail, "logSoftmax");
  deepEqual(network.outputs[0].shape, [5]);
  const last = g.node("ArgMax", [softmax], { axis: 1 });
  equal(lowered(g, last).rounds.length, 1);
  const h = new GraphBuilder([3, 6, 6]);
  const pixels = h.node("Softmax", [h.conv("x", [4, 3, 3, 3])], { axis: 1 });
  const { outputs, rounds } = lowered(h, pixels);
  equal(outputs[0].tail, "none");
  deepEqual(rounds[0].gateway.map(({ op }) => op), ["softmax"]);
  const logarithms = h.node("LogSoftmax", [h.conv("x", [4, 3, 3, 3])], {
    axis: 1,
  });
  const { nodes } = refusal(h, logarithms);
  ok(/along axis 1 of \[1,4,4,4\]/.test(nodes[0].why), nodes[0].why);
});

Deno.test("a picture with its channels last is read as it is by its first convolution", () => {
  const g = new GraphBuilder([8, 9, 3]);
  const x = g.node("Transpose", ["x"], { perm: [0, 3, 1, 2] });
  const network = lowered(g, g.conv(x, [2, 3, 3, 3], { pads: [1, 1, 1, 1] }));
  equal(network.rounds.length, 1);
  const [{ reads, map }] = network.rounds[0].terms;
  equal(reads, "x");
  ok(map.kind === "convolution");
  deepEqual(map.input, [1, 8, 27]);
  deepEqual([map.kernel, map.stride], [[3, 9], [1, 3]]);
});

Deno.test("arithmetic on the reading becomes its quantisation", () => {
  const g = new GraphBuilder([3, 8, 8]);
  const centred = g.node("Sub", [
    g.node("Div", ["x", g.number(255)]),
    g.number(.5),
  ]);
  const network = lowered(
    g,
    g.conv(centred, [2, 3, 3, 3], { pads: [1, 1, 1, 1] }),
  );
  equal(network.rounds.length, 1);
  ok(Math.abs(network.inputs[0].gain - 1 / 255) < 1e-12);
  equal(network.inputs[0].offset, -.5);
});

Deno.test("models without an input, of two batches or of unknown shapes are refused", () => {
  const g = new GraphBuilder([4]);
  const graph = g.graph(g.node("Relu", ["x"]));
  const graphOf = (changes: object) => ({
    opset: 13,
    producer: "",
    metadata: new Map(),
    nodes: [],
    constants: new Map(),
    inputs: [{ name: "x", shape: [-1, 4] }],
    outputs: [{ name: graph.outputs[0], shape: null }],
    ...changes,
  });
  throws(
    () => lower(graphOf({ inputs: [] })),
    /inputs: the graph: expected one or more, got none/,
  );
  throws(
    () => lower(graphOf({ inputs: [{ name: "x", shape: [1, -1, 4] }] })),
    /input: x: it has shape \[1,\?,4\]; only the first axis/,
  );
  throws(
    () => lower(graphOf({ inputs: [{ name: "x", shape: null }] })),
    /has no shape/,
  );
  const two = [{ name: "a", shape: [-1, 4] }, { name: "b", shape: [2, 4] }];
  throws(
    () => lower(graphOf({ inputs: two })),
    /inputs: a, b: expected one batch axis, got lengths \?, 2/,
  );
  throws(
    () => lower(graphOf({ outputs: [{ name: "y", shape: null }] })),
    /no node gives "y"/,
  );
});

Deno.test("random graphs equal onnxruntime's", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 2 ** 31 }), async (seed) => {
      const { onnx, builder, shape } = randomGraph(seed, seed % 2 === 0);
      const readings = builder.readings(3);
      const expected = await runOnnx(onnx, readings, [1, ...shape]);
      for (const pool of ["gateway", "cloud"] as const) {
        const network = lower(readOnnx(onnx), { pool });
        readings.forEach((reading, i) => {
          const scores = runFloat(network, reading);
          equal(scores.length, expected[i].length);
          const size = Math.hypot(...expected[i]);
          const error = Math.hypot(...scores.map((v, j) => v - expected[i][j]));
          ok(error <= 2e-5 * size, `relative error ${error / size}`);
        });
      }
    }),
    { numRuns: 60, seed: 5 },
  );
});

Deno.test("operators of opset 7 to 21 equal onnxruntime's", async () => {
  for (let opset = 7; opset <= 21; opset++) {
    const g = new GraphBuilder([3, 8, 8], { opset, seed: opset });
    const listed = (
      operator: string,
      x: string,
      name: string,
      values: number[],
      since: number,
      attributes = {},
    ) =>
      opset < since
        ? g.node(operator, [x], { ...attributes, [name]: values })
        : g.node(operator, [x, g.integers(...values)], attributes);
    const padded = listed("Pad", "x", "pads", [0, 0, 1, 0, 0, 0, 1, 2], 11);
    const conv = g.batchNormalization(g.conv(padded, [4, 3, 3, 3]), 4);
    const clip = opset < 11
      ? g.node("Clip", [conv], { min: { float: 0 }, max: { float: 2 } })
      : g.node("Clip", [conv, g.number(0), g.number(2)]);
    const sliced = opset < 10
      ? g.node("Slice", [clip], { axes: [2], starts: [1], ends: [9999] })
      : g.node("Slice", [clip, g.integers(1), g.integers(9999), g.integers(2)]);
    const dropped = g.node("Dropout", [sliced]);
    const mean = listed("ReduceMean", dropped, "axes", [3], 18, {
      keepdims: 1,
    });
    const flat = listed("Squeeze", mean, "axes", [3], 13);
    const wide = listed("Unsqueeze", flat, "axes", [2], 13);
    const sum = listed("ReduceSum", wide, "axes", [2], 13, { keepdims: 0 });
    const output = g.head(g.node("Sigmoid", [sum]), 28, 5);
    const onnx = g.bytes(output);
    const readings = g.readings(2);
    const expected = await runOnnx(onnx, readings, [1, 3, 8, 8]);
    const network = lower(readOnnx(onnx));
    readings.forEach((reading, i) => {
      const scores = runFloat(network, reading);
      const error = Math.hypot(...scores.map((v, j) => v - expected[i][j]));
      ok(error < 1e-5 * Math.hypot(...expected[i]), `opset ${opset}: ${error}`);
    });
  }
});

Deno.test("rows and columns that no window reaches are not computed, back to the reading", async () => {
  const onnx = await Deno.readFile(
    new URL(
      "../../../models/zoo/lenet-mnist/lenet-mnist.onnx",
      import.meta.url,
    ),
  );
  const { rounds } = lower(readOnnx(onnx));
  // As written: 26x26 maps pooled to 13x13, then 11x11 pooled to 5x5.
  deepEqual(rounds.map(({ shape }) => shape), [
    [20, 24, 24],
    [50, 10, 10],
    [500],
    [10],
  ]);
  deepEqual(rounds[0].terms[0].map.kind, "convolution");
  deepEqual(rounds[0].writesShape, [20, 12, 12]);
});

Deno.test("takes open lengths of the input from the caller", () => {
  const g = new GraphBuilder([3, 8, 8]);
  const convolved = g.node("Relu", [g.conv("x", [4, 3, 3, 3])]);
  const pooled = g.node("Flatten", [g.node("GlobalAveragePool", [convolved])]);
  const graph = readOnnx(g.bytes(g.dense(pooled, 4, 2)));
  const open = { ...graph, inputs: [{ name: "x", shape: [-1, 3, -1, -1] }] };
  throws(() => lower(open), /give its shape \(--input-shape\)/);
  const fixed = withInputShape(open, [1, 3, 8, 8]);
  const [reading] = g.readings(1);
  deepEqual(runFloat(lower(fixed), reading), runFloat(lower(graph), reading));
  deepEqual(lower(withInputShape(open, [1, 3, 5, 9])).inputs[0].shape, [
    3,
    5,
    9,
  ]);
  for (const shape of [[1, 4, 8, 8], [1, 3, 8], [1, 3, 0, 8], [1, 3, 8.5, 8]]) {
    throws(
      () => withInputShape(open, shape),
      new RegExp(`the shape \\[${shape}\\]: expected \\[\\?,3,\\?,\\?\\]`),
    );
  }
  throws(
    () => withInputShape({ ...graph, inputs: [] }, [1]),
    /one input, got 0/,
  );
});
