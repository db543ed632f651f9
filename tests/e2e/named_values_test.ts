/**
 * A model of two inputs and two outputs from ONNX: compiled, simulated, run encrypted
 * by name; and one whose state the gateway feeds back.
 *
 * @module
 */
import {
  deepEqual,
  equal,
  match,
  ok,
  rejects,
  throws,
} from "node:assert/strict";
import { encodeNpy } from "../../cli/readings/npy.ts";
import { compileModel } from "../../models/compiler/compile.ts";
import type { ModelPackage } from "../../models/package/format.ts";
import {
  decodePackage,
  encodePackage,
} from "../../models/package/package_bytes.ts";
import { writePackage } from "../../models/package/read_package.ts";
import { verifyPackage } from "../../models/package/verify.ts";
import { manifestContract } from "../../models/protections/contract.ts";
import { simulateSequence } from "../../models/simulate/sequence.ts";
import { simulate, simulateMany } from "../../models/simulate/simulate.ts";
import { quantise } from "../../sdk/fixed_point/quantise.ts";
import type { Reading } from "../../sdk/fixed_point/reading.ts";
import { connect } from "../../sdk/session/session.ts";
import { GraphBuilder } from "../reference/graph_builder.ts";
import { writeOnnx } from "../reference/onnx_writer.ts";
import { cipherlayer } from "../support/cli_process.ts";
import { startCloud } from "../support/cloud.ts";
import { testKey } from "../vectors/keys.ts";

/** A picture and four sensors in; three scores and two levels out. */
function twoOfEach() {
  const g = new GraphBuilder([1], { seed: 21 });
  const map = g.node("Relu", [
    g.conv("picture", [3, 2, 3, 3], { strides: [2, 2] }),
  ]);
  const shape = g.node("Flatten", [map]);
  const sensors = g.node("Relu", [g.dense("room", 4, 6)]);
  const trunk = g.node("Relu", [
    g.node("Add", [g.dense(shape, 12, 8), g.dense(sensors, 6, 8)]),
  ]);
  const graph = g.graph("");
  const scores = g.dense(trunk, 8, 3), levels = g.dense(trunk, 8, 2);
  const named = (operator: string, input: string, output: string) => ({
    operator,
    inputs: [input],
    outputs: [output],
    name: output,
  });
  const onnx = writeOnnx({
    ...graph,
    inputs: { picture: ["batch", 2, 6, 6], room: ["batch", 4] },
    nodes: [
      ...graph.nodes,
      named("Softmax", scores, "state"),
      named("Identity", levels, "levels"),
    ],
    outputs: ["state", "levels"],
    metadata: {
      input_names: '{"room": ["temperature", "humidity", "light", "co2"]}',
      units: '{"room": ["°C", "%", "lx", "ppm"]}',
      labels: '{"state": ["empty", "one", "many"]}',
    },
  });
  const readings = g.readings(0);
  const pictures = new GraphBuilder([2, 6, 6], { seed: 3 }).readings(80);
  const rooms = new GraphBuilder([4], { seed: 4 }).readings(80).map((room) =>
    room.map((z, i) => [21, 40, 300, 700][i] + [3, 10, 200, 250][i] * z)
  );
  const calibration = pictures.map((picture, i) => [...picture, ...rooms[i]]);
  equal(readings.length, 0);
  return { onnx, pictures, rooms, calibration };
}

const { onnx, pictures, rooms, calibration } = twoOfEach();
const { model, report, network } = compileModel(onnx, {
  name: "two-of-each",
  calibration,
});

function stored(model: ModelPackage): ModelPackage {
  verifyPackage(model);
  return decodePackage(encodePackage(model));
}

const names = ["temperature", "humidity", "light", "co2"];

/** The reading as a program has it: the picture nested, the sensors by name. */
function byName(i: number) {
  const at = (c: number, y: number, x: number) =>
    pictures[i][c * 36 + y * 6 + x];
  return {
    picture: [0, 1].map((c) =>
      [0, 1, 2, 3, 4, 5].map((y) => [0, 1, 2, 3, 4, 5].map((x) => at(c, y, x)))
    ),
    room: Object.fromEntries(names.map((name, s) => [name, rooms[i][s]])),
  };
}

Deno.test("a model of two inputs and two outputs compiles with its names", () => {
  const { inputs, outputs, reveal } = stored(model).manifest;
  deepEqual(inputs.map(({ name, shape }) => [name, shape]), [
    ["picture", [2, 6, 6]],
    ["room", [4]],
  ]);
  deepEqual(inputs[1].labels, names);
  deepEqual(inputs[1].units, ["°C", "%", "lx", "ppm"]);
  equal(inputs[1].scale.length, 4);
  deepEqual(
    outputs.map(({ name, shape, tail }) => [name, shape, tail]),
    [["state", [3], "softmax"], ["levels", [2], "none"]],
  );
  deepEqual([outputs[0].labels, outputs[1].labels, reveal], [
    ["empty", "one", "many"],
    null,
    "scores",
  ]);
  ok(report.relativeError! < .02, `${report.relativeError}`);
  equal(network.inputs.length, 2);
  const integers = calibration.slice(0, 5).map((reading) =>
    quantise(reading, model.manifest)
  );
  simulateMany(model, integers).forEach((outcome, i) => {
    const { rounds: _, ...expected } = simulate(model, integers[i]);
    deepEqual(outcome, expected);
  });
  throws(
    () =>
      verifyPackage({
        ...model,
        manifest: { ...model.manifest, reveal: "label" },
      }),
    /expected one output of one scale, and no states/,
  );
});

Deno.test("every named output of an encrypted inference equals the simulator's", async () => {
  const served = stored(model);
  await using cloud = startCloud([served]);
  await using session = await connect({
    url: cloud.url,
    model: "two-of-each",
    keys: testKey(512),
    samples: 2,
    contract: manifestContract(served.manifest),
  });
  const answers = await session.inferMany([0, 1, 2].map(byName));
  answers.forEach((answer, i) => {
    const { outputs } = simulate(served, quantise(byName(i), served.manifest));
    deepEqual(answer.outputs!.levels, [...outputs.get("levels")!]);
    const state = [...outputs.get("state")!];
    equal(answer.predicted, state.indexOf(Math.max(...state)));
    equal(answer.label, ["empty", "one", "many"][answer.predicted]);
    const sum = answer.scores!.reduce((a, b) => a + b);
    ok(Math.abs(sum - 1) < 1e-12);
  });
  // One after another, as calibration files hold them.
  const { outputs } = await session.infer(calibration[0]);
  deepEqual(outputs, answers[0].outputs);
  const { light: _, ...dark } = byName(0).room;
  for (
    const [reading, message] of [
      [{ picture: pictures[0] }, /expected a number at "room", got nothing/],
      [
        { ...byName(0), room: dark },
        /expected a number at "light", got nothing/,
      ],
      [{ ...byName(0), rooms: [] }, /the inputs picture, room, got "rooms"/],
    ] as const
  ) {
    await rejects(session.infer(reading as never), {
      name: "TypeError",
      message,
    });
  }
});

/** h' = relu(A x + B h), y = C h': what a recurrent cell does. */
function recurrent(): ModelPackage {
  const g = new GraphBuilder([1], { seed: 31 });
  const next = g.node("Relu", [
    g.node("Add", [g.dense("x", 2, 3), g.dense("h", 3, 3)]),
  ]);
  const level = g.dense(next, 3, 1);
  const graph = g.graph("");
  const { model } = compileModel(
    writeOnnx({
      ...graph,
      inputs: { x: ["batch", 2], h: ["batch", 3] },
      nodes: [...graph.nodes, {
        operator: "Identity",
        inputs: [level],
        outputs: ["level"],
      }, { operator: "Identity", inputs: [next], outputs: ["next"] }],
      outputs: ["level", "next"],
    }),
    {
      name: "recurrent",
      calibration: new GraphBuilder([5], { seed: 5 }).readings(60).map((r) =>
        r.map((value, i) => i < 2 ? value : Math.abs(value))
      ),
    },
  );
  return {
    ...model,
    manifest: { ...model.manifest, states: [{ input: "h", output: "next" }] },
  };
}

Deno.test("a state begins with 0 again under another contract", async () => {
  const before = recurrent(), { manifest } = before;
  const after: ModelPackage = {
    ...before,
    manifest: {
      ...manifest,
      inputs: manifest.inputs.map((input) => ({
        ...input,
        scale: input.scale.map((scale) => scale * (input.name === "h" ? 2 : 1)),
      })),
    },
  };
  const answerOf = (served: ModelPackage, reading: Reading) =>
    simulateSequence(served, [reading])[0].scores[0];
  const x = [.5, -.3];
  await using first = startCloud([stored(before)]);
  await using second = startCloud([stored(after)]);
  let { url } = first;
  await using session = await connect({
    url,
    model: "recurrent",
    keys: testKey(512),
    onContractChange: () => true,
    fetch: (target, init) => fetch(`${target}`.replace(first.url, url), init),
  });
  await session.infer({ x });
  url = second.url;
  const [start, next] = await session.inferMany([{ x }, { x }]);
  equal(start.scores![0], answerOf(stored(after), { x }));
  ok(next.scores![0] !== start.scores![0], "the state makes a difference");
});

Deno.test("run and simulate give every output by its name", async () => {
  const folder = await Deno.makeTempDir();
  await writePackage(`${folder}/package`, model);
  const given = calibration.slice(0, 2);
  await Deno.writeFile(
    `${folder}/x.npy`,
    encodeNpy({
      shape: [2, given[0].length],
      data: Float64Array.from(given.flat()),
    }),
  );
  const reading = [`${folder}/package`, "--input", `${folder}/x.npy`];
  const small = ["--insecure-key-bits", "512"];
  const [run, told, simulated] = await Promise.all([
    cipherlayer("run", ...reading, ...small, "--json"),
    cipherlayer("run", ...reading, ...small),
    cipherlayer("simulate", ...reading),
  ]);
  equal(run.code, 0, run.stderr);
  const report = JSON.parse(run.stdout);
  const expected = given.map((values) =>
    simulate(model, quantise(values, model.manifest)).outputs
  );
  deepEqual(
    report.outputs.map(({ levels }: { levels: number[] }) => levels),
    expected.map((outputs) => [...outputs.get("levels")!]),
  );
  deepEqual(
    report.scores,
    report.outputs.map(({ state }: { state: number[] }) => state),
  );
  for (const { stdout } of [told, simulated]) {
    match(stdout, /^0: \w+ {2}\[.+\] {2}levels \[.+\]$/m);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a state passes from one inference to the next, as in the simulator", async () => {
  const served = stored(recurrent());
  const readings = [[.5, -.3], [.5, -.3], [-.2, .9]].map((x) => ({ x }));
  const expected = simulateSequence(served, readings);
  const levels = expected.map(({ scores }) => scores[0]);
  ok(levels[0] !== levels[1], "the state makes a difference");
  await using cloud = startCloud([served]);
  const options = { url: cloud.url, model: "recurrent", keys: testKey(512) };
  await using session = await connect(options);
  const first = await session.inferMany(readings.slice(0, 2));
  const last = await session.infer(readings[2].x);
  deepEqual([...first, last].map(({ scores }) => scores![0]), levels);
  session.resetStates();
  equal((await session.infer(readings[0])).scores![0], levels[0]);
  const [begun] = await session.inferMany([{ x: [.5, -.3], h: [1, 0, .5] }]);
  const given = simulateSequence(served, [{ x: [.5, -.3], h: [1, 0, .5] }]);
  equal(begun.scores![0], given[0].scores[0]);
  await rejects(
    connect({ ...options, samples: 2 }),
    /readings follow each other/,
  );
});
