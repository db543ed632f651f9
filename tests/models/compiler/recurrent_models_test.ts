/** A keyword spotter and a voice-activity detector of gated layers, against onnxruntime. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { openOnnx, runOnnx } from "../../../bench/shared/onnx_oracle.ts";
import { compileModel } from "../../../models/compiler/compile.ts";
import { argMax } from "../../../models/compiler/quantise/report.ts";
import { simulateSequence } from "../../../models/simulate/sequence.ts";
import { simulate } from "../../../models/simulate/simulate.ts";
import { quantise } from "../../../sdk/fixed_point/quantise.ts";
import { encryptedRun } from "../../support/encrypted_run.ts";
import { GraphBuilder } from "../../reference/graph_builder.ts";
import { writeOnnx } from "../../reference/onnx_writer.ts";

/** A gated layer of 8 on features of 6. */
function gatedLayer(g: GraphBuilder, x: string, initial?: string): string[] {
  const inputs = [
    x,
    g.weights([1, 24, 6], 6),
    g.weights([1, 24, 8], 8),
    g.weights([1, 48], 16),
  ];
  if (initial) inputs.push("", initial);
  return g.nodes("GRU", inputs, 2, { hidden_size: 8, linear_before_reset: 1 });
}

/** 12 frames of 5 features; a convolution in time, a GRU of its 6 frames, 4 words. */
function keywordSpotter() {
  const g = new GraphBuilder([12, 5], { seed: 41 });
  const frames = g.node("Transpose", ["x"], { perm: [0, 2, 1] });
  const front = g.node("Relu", [
    g.conv(frames, [6, 5, 3], { strides: [2], pads: [1, 1] }),
  ]);
  const steps = g.node("Transpose", [front], { perm: [2, 0, 1] });
  const [, last] = gatedLayer(g, steps);
  const state = g.node("Reshape", [last, g.integers(1, 8)]);
  return { g, onnx: g.bytes(g.dense(state, 8, 4)) };
}

/** A frame of 6 bands and the state before; whether somebody speaks, and the new state. */
function voiceActivity(): Uint8Array {
  const g = new GraphBuilder([6], { seed: 42 });
  const bands = g.node("Relu", [g.dense("bands", 6, 6)]);
  const step = g.node("Reshape", [bands, g.integers(1, 1, 6)]);
  const before = g.node("Reshape", ["before", g.integers(1, 1, 8)]);
  const [, last] = gatedLayer(g, step, before);
  const after = g.node("Reshape", [last, g.integers(1, 8)]);
  const speech = g.node("Sigmoid", [g.dense(after, 8, 1)]);
  const graph = g.graph("");
  const named = (input: string, output: string) => ({
    operator: "Identity",
    inputs: [input],
    outputs: [output],
  });
  return writeOnnx({
    ...graph,
    inputs: { bands: ["batch", 6], before: ["batch", 8] },
    nodes: [...graph.nodes, named(speech, "speech"), named(after, "after")],
    outputs: ["speech", "after"],
  });
}

Deno.test("a keyword spotter of a GRU: a round a step, as onnxruntime, encrypted as simulated", async () => {
  const { g, onnx } = keywordSpotter();
  const { model } = compileModel(onnx, {
    name: "words",
    calibration: g.readings(80),
    inputRange: [-6, 6],
    weightBits: 8,
    activationBits: 8,
    reveal: "scores",
  });
  // The convolution, the readings with the first step, five steps, the words.
  equal(model.manifest.rounds.length, 8);
  const readings = g.readings(60);
  const expected = await runOnnx(onnx, readings, [1, 12, 5]);
  let error = 0, energy = 0, same = 0;
  readings.forEach((reading, i) => {
    const { scores } = simulate(model, quantise(reading, model.manifest));
    scores.forEach((score, j) => {
      error += (score - expected[i][j]) ** 2;
      energy += expected[i][j] ** 2;
    });
    if (argMax(scores) === argMax(expected[i])) same++;
  });
  ok(Math.sqrt(error / energy) < .03, `error ${Math.sqrt(error / energy)}`);
  ok(same >= 57, `${same} of 60 words`);
  const answer = await encryptedRun(model, readings[0]);
  const integers = quantise(readings[0], model.manifest);
  deepEqual(answer.scores, [...simulate(model, integers).scores]);
});

Deno.test("a voice-activity detector of a GRU, its state fed back, follows onnxruntime", async () => {
  const onnx = voiceActivity();
  const frames = new GraphBuilder([6], { seed: 43 });
  const { model } = compileModel(onnx, {
    name: "voice",
    calibration: frames.readings(120),
    weightBits: 8,
    activationBits: 8,
    states: [{ input: "before", output: "after" }],
  });
  const unseen = frames.readings(80);
  await using oracle = await openOnnx(onnx);
  let state: ArrayLike<number> = new Float32Array(8);
  const wanted: number[] = [];
  for (const data of unseen) {
    const { speech, after } = await oracle.run({
      bands: { data, shape: [1, 6] },
      before: { data: state, shape: [1, 8] },
    });
    wanted.push(speech[0]);
    state = after;
  }
  const got = simulateSequence(
    model,
    unseen.map((bands) => ({ bands: [...bands] })),
    { clamp: true },
  ).map(({ outputs }) => outputs.get("speech")![0]);
  const mean = wanted.reduce((a, b) => a + b) / wanted.length;
  const error = Math.hypot(...wanted.map((w, i) => w - got[i]));
  const variation = Math.hypot(...wanted.map((w) => w - mean));
  ok(error < .1 * variation, `${error / variation}`);
});
