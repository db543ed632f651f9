/** The command line as its users call it: a process, its streams, its exit code. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { encodeNpy } from "../../cli/readings/npy.ts";
import { GraphBuilder } from "../reference/graph_builder.ts";
import { runOnnx } from "../../bench/shared/onnx_oracle.ts";
import { cipherlayer } from "../support/cli_process.ts";

/** A folder with a model, readings and labels (by the float model). */
async function workplace() {
  const folder = await Deno.makeTempDir();
  const g = new GraphBuilder([2, 6, 6], { seed: 4 });
  const relu = g.node("Relu", [g.conv("x", [3, 2, 3, 3])]);
  const onnx = g.bytes(g.head(relu, 48, 4));
  const readings = g.readings(60);
  const scores = await runOnnx(onnx, readings, [1, 2, 6, 6]);
  await Deno.writeFile(`${folder}/net.onnx`, onnx);
  await Deno.writeFile(
    `${folder}/x.npy`,
    encodeNpy({
      shape: [60, 2, 6, 6],
      data: Float64Array.from(readings.flatMap((reading) => [...reading])),
    }),
  );
  const classes = scores.map((row) => row.indexOf(Math.max(...row)));
  await Deno.writeFile(
    `${folder}/y.npy`,
    encodeNpy({ shape: [60], data: Float64Array.from(classes) }),
  );
  return { folder, classes };
}

Deno.test("compile, verify, inspect and simulate work on a package, and refuse it once altered", async () => {
  const { folder, classes } = await workplace();
  const out = `${folder}/package`;
  const compiled = await cipherlayer(
    ...["compile", `${folder}/net.onnx`, "--calibrate", `${folder}/x.npy`],
    ...["--out", out, "--weight-bits", "10,10", "--activation-bits", "10"],
    ...["--reveal", "scores", "--json", "--input-names", "left,right"],
    ...["--units", '["lx"]', "--labels", "north,east,south,west"],
  );
  equal(compiled.code, 0, compiled.stderr);
  const report = JSON.parse(compiled.stdout);
  equal(report.name, "net");
  equal(report.rounds.length, 2);
  ok(report.relativeError < .01, `${report.relativeError}`);
  ok(
    report.rounds.every((round: { signalToNoise: number }) =>
      round.signalToNoise > 40
    ),
  );

  const verified = await cipherlayer("verify", out, "--json");
  equal(JSON.parse(verified.stdout).valid, true);
  const { stdout: shown } = await cipherlayer("inspect", out);
  match(shown, /3x3 convolution of 2x6x6/);
  match(
    shown,
    /^input x \[2, 6, 6\] of .* lx from 0 \(left, right\): integers/m,
  );
  match(shown, /^output t\d+ \[4\] .* \(north, east, south, west\)$/m);
  ok(shown.includes(`contract ${report.contract}\n`));

  const simulated = await cipherlayer(
    ...["simulate", out, "--input", `${folder}/x.npy`],
    ...["--labels", `${folder}/y.npy`, "--clamp", "--json"],
  );
  equal(simulated.code, 0, simulated.stderr);
  const { predicted, accuracy, samples } = JSON.parse(simulated.stdout);
  equal(samples, 60);
  const right = classes.filter((label, i) => predicted[i] === label).length;
  equal(accuracy, right / 60);
  ok(accuracy > .95, `${accuracy}`);

  const data = new Float64Array(60 * 72);
  const lastAxis = encodeNpy({ shape: [60, 6, 6, 2], data });
  await Deno.writeFile(`${folder}/nhwc.npy`, lastAxis);
  for (
    const [command, ...rest] of [
      ["simulate", out, "--input"],
      ["compile", `${folder}/net.onnx`, "--force", "--out", out, "--calibrate"],
    ]
  ) {
    const turned = await cipherlayer(command, ...rest, `${folder}/nhwc.npy`);
    equal(turned.code, 1);
    match(
      turned.stderr,
      /got \[6, 6, 2\], .* transpose its axes to \(2, 0, 1\)/,
    );
  }

  const weights = `${out}/weights.safetensors`;
  const bytes = await Deno.readFile(weights);
  bytes[bytes.length - 1] ^= 1;
  await Deno.writeFile(weights, bytes);
  const altered = await cipherlayer("verify", out);
  equal(altered.code, 1);
  match(altered.stderr, /SHA-256/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("compile names every unsupported node, exits with 3 and writes nothing", async () => {
  const folder = await Deno.makeTempDir();
  const g = new GraphBuilder([4, 8]);
  const lstm = g.node("LSTM", [
    "x",
    g.weights([1, 8, 8]),
    g.weights([1, 8, 2]),
  ]);
  await Deno.writeFile(`${folder}/rnn.onnx`, g.bytes(g.node("TopK", [lstm])));
  await Deno.writeFile(
    `${folder}/x.npy`,
    encodeNpy({ shape: [1, 4, 8], data: new Float64Array(32) }),
  );
  const args = ["compile", `${folder}/rnn.onnx`, "--calibrate"];
  const refused = await cipherlayer(
    ...[...args, `${folder}/x.npy`, "--out", `${folder}/out`, "--json"],
  );
  equal(refused.code, 3);
  match(refused.stderr, /2 unsupported nodes/);
  const { unsupported } = JSON.parse(refused.stdout);
  deepEqual(
    unsupported.map(({ operator }: { operator: string }) => operator),
    ["LSTM", "TopK"],
  );
  deepEqual(
    [...Deno.readDirSync(folder)].map(({ name }) => name).sort(),
    ["rnn.onnx", "x.npy"],
  );
  await Deno.remove(folder, { recursive: true });
});

Deno.test("compile exits with 4 for an inaccurate model and writes nothing until the error is accepted", async () => {
  const { folder } = await workplace();
  const args = [
    ...["compile", `${folder}/net.onnx`, "--calibrate", `${folder}/x.npy`],
    ...["--weight-bits", "2", "--activation-bits", "1"],
    ...["--out", `${folder}/out`, "--json"],
  ];
  const refused = await cipherlayer(...args);
  equal(refused.code, 4, refused.stderr);
  match(refused.stderr, /is off by .* % of its variation about its mean/);
  equal(
    [...Deno.readDirSync(folder)].some(({ name }) => name === "out"),
    false,
  );
  const accepted = await cipherlayer(...args, "--accept-error");
  equal(accepted.code, 0, accepted.stderr);
  const { worstScoreError } = JSON.parse(accepted.stdout);
  ok(worstScoreError > .25, `${worstScoreError}`);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("the command line prints help and refuses misuse", async () => {
  const help = await cipherlayer("--help");
  equal(help.code, 0);
  match(help.stdout, /compile[\s\S]*simulate[\s\S]*inspect[\s\S]*verify/);
  match((await cipherlayer("compile", "--help")).stdout, /Examples:/);
  equal((await cipherlayer("nonsense")).code, 2);
  equal((await cipherlayer("compile", "a.onnx", "--out", "b")).code, 2);
  const missing = await cipherlayer("verify", "/nowhere");
  equal(missing.code, 2);
  match(missing.stderr, /^Cannot read \/nowhere: no such file or folder$/m);
});

Deno.test("a sealed package can be compiled, inspected, planned, simulated and verified, but not reveal scores", async () => {
  const { folder } = await workplace();
  const out = `${folder}/sealed`, readings = `${folder}/x.npy`;
  const compile = [
    ...["compile", `${folder}/net.onnx`, "--calibrate", readings],
    ...["--weight-bits", "8", "--activation-bits", "8"],
    ...["--privacy", "sealed", "--out", out],
  ];
  const compiled = await cipherlayer(...compile);
  equal(compiled.code, 0, compiled.stderr);
  for (const command of ["inspect", "verify", "plan"]) {
    match(
      (await cipherlayer(command, out)).stdout,
      /sealed: a gateway sees[^]*at least \d+ labels, assume \d+[^]*WARNING: fewer than 10,000/,
    );
  }
  const plan = ["plan", out, "--key-bits", "1024", "--line-mbit", "50"];
  const planned = await cipherlayer(...plan, "--json");
  equal(planned.code, 0, planned.stderr);
  const report = JSON.parse(planned.stdout);
  equal(report.costs.byteMs, 8 / 50_000);
  ok(
    report.sealed.total.bytesDown > 1000 && report.labelsNeeded.all.least > 10,
  );
  match((await cipherlayer(...plan)).stdout, /to begin oblivious transfer/);
  const simulated = await cipherlayer(
    ...["simulate", out, "--input", readings],
    ...["--labels", `${folder}/y.npy`, "--clamp", "--json"],
  );
  equal(simulated.code, 0, simulated.stderr);
  ok(JSON.parse(simulated.stdout).accuracy > .9);
  equal((await cipherlayer("verify", out)).code, 0);
  const scores = await cipherlayer(
    ...compile,
    "--force",
    "--reveal",
    "scores",
  );
  equal(scores.code, 1);
  match(scores.stderr, /Cannot seal model net: expected one that reveals its/);
});
