/** `cipherlayer run`: ONNX or package in, encrypted answers out. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { encodeNpy } from "../../cli/readings/npy.ts";
import {
  readPackage,
  writePackage,
} from "../../models/package/read_package.ts";
import { simulate } from "../../models/simulate/simulate.ts";
import { quantise, realReading } from "../../sdk/fixed_point/quantise.ts";
import { startCloud } from "../support/cloud.ts";
import { labels, sealedModel } from "../support/sealed_session.ts";
import { GraphBuilder } from "../reference/graph_builder.ts";
import { runOnnx } from "../../bench/shared/onnx_oracle.ts";
import { randomReading, tinyLeNet } from "../reference/tiny_models.ts";
import { cipherlayer } from "../support/cli_process.ts";

const small = ["--insecure-key-bits", "512"];

async function writeArray(
  path: string,
  shape: number[],
  rows: ArrayLike<number>[],
): Promise<void> {
  const data = Float64Array.from(rows.flatMap((row) => Array.from(row)));
  await Deno.writeFile(
    path,
    encodeNpy({ shape: [rows.length, ...shape], data }),
  );
}

/** A folder with tinyLeNet's package and readings for it. */
async function packagePlace(count: number, model = tinyLeNet()) {
  const folder = await Deno.makeTempDir();
  const { inputs } = model.manifest;
  const readings = Array.from(
    { length: count },
    (_, i) => realReading(randomReading(model, i), inputs),
  );
  await writePackage(`${folder}/package`, model);
  await writeArray(`${folder}/x.npy`, inputs[0].shape, readings);
  const stored = await readPackage(`${folder}/package`);
  const simulated = readings.map((reading) =>
    simulate(stored, quantise(reading, stored.manifest))
  );
  return {
    folder,
    model: stored,
    simulated,
    args: ["run", `${folder}/package`, "--input", `${folder}/x.npy`, ...small],
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

function relativeError(
  expected: readonly ArrayLike<number>[],
  outputs: readonly number[][],
): number {
  let error = 0, strength = 0;
  outputs.forEach((row, i) =>
    row.forEach((value, j) => {
      error += (value - expected[i][j]) ** 2;
      strength += expected[i][j] ** 2;
    })
  );
  return Math.sqrt(error / strength);
}

Deno.test("run gives scores of an ONNX model near the float model's, equal to the simulator's", async () => {
  const folder = await Deno.makeTempDir();
  const g = new GraphBuilder([2, 6, 6], { seed: 4 });
  const relu = g.node("Relu", [g.conv("x", [3, 2, 3, 3])]);
  const onnx = g.bytes(g.head(relu, 48, 4));
  const calibration = g.readings(60), readings = g.readings(3);
  await Deno.writeFile(`${folder}/net.onnx`, onnx);
  await writeArray(`${folder}/c.npy`, [2, 6, 6], calibration);
  await writeArray(`${folder}/x.npy`, [2, 6, 6], readings);
  const { code, stdout, stderr } = await cipherlayer(
    ...["run", `${folder}/net.onnx`, "--calibrate", `${folder}/c.npy`],
    ...["--input", `${folder}/x.npy`, ...small, "--json"],
  );
  equal(code, 0, stderr);
  match(stderr, /INSECURE/);
  const report = JSON.parse(stdout);
  equal(report.maxAbsErrorVsSimulator, 0);
  equal(report.insecure, true);
  equal(report.keyBits, 512);
  ok(["wasm", "wasm-unfused", "bigint"].includes(report.kernel));
  equal(report.rounds.length, 2);
  ok(report.totalMs > 0);
  const expected = await runOnnx(onnx, readings, [1, 2, 6, 6]);
  deepEqual(report.scores.map((row: number[]) => row.length), [4, 4, 4]);
  const chosen = relativeError(expected, report.scores);
  ok(chosen < .1, `${chosen}`);

  const wide = await cipherlayer(
    ...["run", `${folder}/net.onnx`, "--calibrate", `${folder}/c.npy`],
    ...["--weight-bits", "12", "--activation-bits", "12,12"],
    ...["--input", `${folder}/x.npy`, ...small, "--json"],
  );
  equal(wide.code, 0, wide.stderr);
  const { scores, maxAbsErrorVsSimulator } = JSON.parse(wide.stdout);
  equal(maxAbsErrorVsSimulator, 0);
  ok(relativeError(expected, scores) < .003);
  deepEqual(
    [...Deno.readDirSync(folder)].map(({ name }) => name).sort(),
    ["c.npy", "net.onnx", "x.npy"],
  );
  await Deno.remove(folder, { recursive: true });
});

Deno.test("run gives scores of a package as they are, or labels under every protection but noise", async () => {
  await using place = await packagePlace(5);
  const [scores, labels] = await Promise.all([
    cipherlayer(...place.args, "--json"),
    cipherlayer(...place.args, "--json", "--reveal", "label"),
  ]);
  equal(scores.code, 0, scores.stderr);
  const { scores: told, maxAbsErrorVsSimulator } = JSON.parse(scores.stdout);
  deepEqual(
    told,
    place.simulated.map(({ scores }) => Array.from(scores)),
  );
  equal(maxAbsErrorVsSimulator, 0);

  equal(labels.code, 0, labels.stderr);
  const report = JSON.parse(labels.stdout);
  equal(report.scores, null);
  equal(report.maxAbsErrorVsSimulator, 0);
  deepEqual(
    report.labels,
    place.simulated.map(({ integers }) =>
      integers.indexOf(Math.max(...integers))
    ),
  );
});

Deno.test("run gives labels of a sealed package, here and at a URL, and refuses scores", async () => {
  await using place = await packagePlace(2, sealedModel(tinyLeNet()));
  const { args, model } = place;
  await using cloud = startCloud([model], { budget: labels(2) });
  const [here, there, scores, leakage] = await Promise.all([
    cipherlayer(...args, "--json"),
    cipherlayer(...args, "--url", cloud.url, "--json"),
    cipherlayer(...args, "--reveal", "scores"),
    cipherlayer("leakage", args[1], "--key-bits", "512"),
  ]);
  for (const { code, stdout, stderr } of [here, there]) {
    equal(code, 0, stderr);
    const report = JSON.parse(stdout);
    equal(report.maxAbsErrorVsSimulator, 0);
    deepEqual(
      report.labels,
      place.simulated.map(({ integers }) =>
        integers.indexOf(Math.max(...integers))
      ),
    );
  }
  ok(cloud.calls.some((path) => path.startsWith("/v1/sealed/activations/")));
  equal(scores.code, 2);
  match(scores.stderr, /not sealed/);
  match(leakage.stdout, /uniform numbers and the label/);
});

Deno.test("run says insecure beside its figures", async () => {
  await using place = await packagePlace(1);
  const { code, stdout } = await cipherlayer(...place.args);
  equal(code, 0);
  match(stdout, /512-bit key.*\[INSECURE/);
  match(stdout, /s a reading \[INSECURE/);
  match(stdout, /every answer equals the simulator's/);
});

Deno.test("run compares the answers of functions at a URL and reports false ones", async () => {
  await using place = await packagePlace(2);
  const { model } = place;
  await using cloud = startCloud([model]);
  const honest = await cipherlayer(...place.args, "--url", cloud.url, "--json");
  equal(honest.code, 0, honest.stderr);
  equal(JSON.parse(honest.stdout).maxAbsErrorVsSimulator, 0);
  ok(cloud.calls.some((path) => path.startsWith("/v1/rounds/")));

  const [name, tensor] = [...model.tensors].at(-1)!;
  const data = tensor.data.map((value) => value + 1);
  const tensors = new Map(model.tensors).set(name, { ...tensor, data });
  await using liar = startCloud([{ ...model, tensors }]);
  const lied = await cipherlayer(...place.args, "--url", liar.url, "--json");
  equal(lied.code, 1);
  match(lied.stderr, /differ from the simulator/);
  ok(JSON.parse(lied.stdout).maxAbsErrorVsSimulator > 0);
});

Deno.test("run refuses misuse with exit code 2", async () => {
  await using place = await packagePlace(1);
  const { args, folder } = place;
  for (
    const [more, message] of [
      [["--key-bits", "2048"], /both/],
      [["--calibrate", `${folder}/x.npy`], /--calibrate/],
      [["--weight-bits", "8"], /--weight-bits: expected an ONNX file/],
      [["--url", "http://127.0.0.1:9", "--reveal", "label"], /--reveal/],
    ] as const
  ) {
    const { code, stderr } = await cipherlayer(...args, ...more);
    equal(code, 2, stderr);
    match(stderr, message);
  }
  const short = await cipherlayer(...args.slice(0, 4), "--key-bits", "1024");
  equal(short.code, 2);
});
