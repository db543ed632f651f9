/** `cipherlayer accuracy`: simulated and encrypted, and resumed. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { encodeNpy } from "../../cli/readings/npy.ts";
import { writePackage } from "../../models/package/read_package.ts";
import { simulate } from "../../models/simulate/simulate.ts";
import { startCloud } from "../support/cloud.ts";
import { randomReading, tinyLeNet } from "../reference/tiny_models.ts";
import { cipherlayer } from "../support/cli_process.ts";
import { realReading } from "../../sdk/fixed_point/quantise.ts";

const count = 70;
const small = ["--encrypted", "--insecure-key-bits", "512"];

/** A folder with a package, samples, and classes of which every third is wrong. */
async function workplace() {
  const folder = await Deno.makeTempDir();
  const model = tinyLeNet();
  const { inputs, outputs: [output] } = model.manifest;
  const readings = Array.from(
    { length: count },
    (_, i) => randomReading(model, i),
  );
  const simulated = readings.map((reading) => {
    const { integers } = simulate(model, reading);
    return integers.indexOf(Math.max(...integers));
  });
  const classes = simulated.map((value, i) =>
    i % 3 === 0 ? (value + 1) % output.shape[0] : value
  );
  await writePackage(`${folder}/package`, model);
  const data = Float64Array.from(
    readings.flatMap((reading) => Array.from(realReading(reading, inputs))),
  );
  await Deno.writeFile(
    `${folder}/x.npy`,
    encodeNpy({ shape: [count, ...inputs[0].shape], data }),
  );
  // As MNIST has them: IDX, compressed.
  const idx = Uint8Array.from([0, 0, 8, 1, 0, 0, 0, count, ...classes]);
  const gzip = new Blob([idx]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  await Deno.writeFile(`${folder}/y.gz`, gzip);
  return {
    simulated,
    classes,
    state: `${folder}/state.jsonl`,
    args: [
      ...["accuracy", `${folder}/package`, "--input", `${folder}/x.npy`],
      ...["--labels", `${folder}/y.gz`],
    ],
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

Deno.test("accuracy counts right simulated answers of all samples, or of the first", async () => {
  await using place = await workplace();
  const all = await cipherlayer(...place.args, "--json");
  equal(all.code, 0, all.stderr);
  const report = JSON.parse(all.stdout);
  const right = count - Math.ceil(count / 3);
  deepEqual(
    [report.count, report.right, report.accuracy, report.encrypted],
    [count, right, right / count, false],
  );
  const first = await cipherlayer(...place.args, "--count", "6");
  match(first.stdout, /66\.67 % \(4 of 6\)/);
});

Deno.test("accuracy --encrypted equals the simulator and resumes after a write that was cut off", async () => {
  await using place = await workplace();
  const { args, state, simulated } = place;
  const run = (...more: string[]) =>
    cipherlayer(...args, ...small, "--state", state, ...more);
  const begun = await run("--count", "5", "--json");
  equal(begun.code, 0, begun.stderr);
  equal(JSON.parse(begun.stdout).resumed, 0);
  await Deno.writeTextFile(state, '{"index":5,"predi', { append: true });

  const done = await run("--json");
  equal(done.code, 0, done.stderr);
  match(done.stderr, /70 of 70.*INSECURE/);
  const report = JSON.parse(done.stdout);
  const right = count - Math.ceil(count / 3);
  deepEqual(
    [report.count, report.right, report.agreeWithSimulator, report.resumed],
    [count, right, count, 5],
  );
  equal(report.equalInEveryRound, count);
  deepEqual([report.keyBits, report.insecure], [512, true]);
  ok(report.samples > 1);
  const lines = (await Deno.readTextFile(state)).trim().split("\n")
    .map((line) => JSON.parse(line));
  deepEqual(lines.map(({ index }) => index), [...simulated.keys()]);
  deepEqual(lines.map(({ predicted }) => predicted), simulated);
  deepEqual(lines.map((line) => line.simulated), simulated);
  deepEqual(lines.map(({ label }) => label), place.classes);
  ok(
    lines.every((line) =>
      line.roundsEqual === true && line.seconds > 0 && line.samples > 0 &&
      line.machine.includes("cores") && !isNaN(Date.parse(line.finishedAt))
    ),
  );

  // Nothing is left to do: what the file says is what is told.
  lines[1].predicted++;
  await Deno.writeTextFile(
    state,
    lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
  );
  const altered = await run();
  equal(altered.code, 1);
  match(altered.stdout, /69 of 70 as the simulator, 70 in every round \[INS/);
  match(altered.stderr, /1 samples differ/);

  lines[1].predicted--;
  lines[2].roundsEqual = false;
  await Deno.writeTextFile(
    state,
    lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
  );
  const otherRound = await run();
  equal(otherRound.code, 1);
  match(otherRound.stdout, /70 of 70 as the simulator, 69 in every round/);
  match(otherRound.stderr, /1 samples differ/);

  const otherKey = await cipherlayer(
    ...[...args, "--encrypted", "--insecure-key-bits", "576"],
    ...["--state", state],
  );
  equal(otherKey.code, 2);
  match(otherKey.stderr, /expected keyBits 576/);
});

Deno.test("accuracy --encrypted compares answers alone with functions at a URL", async () => {
  await using place = await workplace();
  await using cloud = startCloud([tinyLeNet()]);
  const { code, stdout, stderr } = await cipherlayer(
    ...[...place.args, ...small, "--count", "3", "--url", cloud.url],
    ...["--state", place.state, "--json"],
  );
  equal(code, 0, stderr);
  const { agreeWithSimulator, equalInEveryRound, samples } = JSON.parse(stdout);
  deepEqual([agreeWithSimulator, equalInEveryRound, samples], [3, null, 1]);
  ok(cloud.calls.some((path) => path.startsWith("/v1/rounds/")));
  const resumed = await cipherlayer(
    ...[...place.args, ...small, "--count", "3", "--url", cloud.url],
    ...["--state", place.state],
  );
  match(resumed.stdout, /3 of 3 as the simulator \[INSECURE/);
});

Deno.test("accuracy refuses misuse with exit code 2", async () => {
  await using place = await workplace();
  const { args } = place;
  for (
    const [more, message] of [
      [["--insecure-key-bits", "512"], /--encrypted/],
      [["--state", place.state], /--encrypted/],
      [["--url", "http://127.0.0.1:9"], /--encrypted/],
      [[...small, "--key-bits", "2048"], /both/],
    ] as const
  ) {
    const { code, stderr } = await cipherlayer(...args, ...more);
    equal(code, 2, stderr);
    match(stderr, message);
  }
});
