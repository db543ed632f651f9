/** What commands say to people and programs when something is wrong, and their exit codes. */
import { deepEqual, doesNotMatch, equal, match } from "node:assert/strict";
import { encodeNpy } from "../../cli/readings/npy.ts";
import { serveLocally } from "../../functions/hosts/serve_locally.ts";
import { readPackage } from "../../models/package/read_package.ts";
import { zooFolder } from "../../models/package/zoo.ts";
import { GraphBuilder } from "../reference/graph_builder.ts";
import { cipherlayerWith } from "../support/cli_process.ts";
import { startCloud } from "../support/cloud.ts";
import { runInProcess } from "../support/command_line.ts";

const folder = await Deno.makeTempDir();
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const g = new GraphBuilder([3], { seed: 4 });
await Deno.writeFile(`${folder}/net.onnx`, g.bytes(g.head("x", 3, 4)));
const readings = g.readings(12);
await Deno.writeFile(
  `${folder}/x.npy`,
  encodeNpy({
    shape: [12, 3],
    data: Float64Array.from(readings.flatMap((reading) => [...reading])),
  }),
);
await Deno.writeTextFile(`${folder}/two.csv`, "1\n0\n");
await Deno.writeTextFile(`${folder}/nine.csv`, "9\n".repeat(12));
const room = "temperature,humidity,light,co2\n22,29,460,950\n22,29,460,9500\n";
await Deno.writeTextFile(`${folder}/room.csv`, room);

const compile = (...more: string[]) =>
  runInProcess(
    ...["compile", `${folder}/net.onnx`, "--calibrate", `${folder}/x.npy`],
    ...["--out", `${folder}/package`, "--weight-bits", "8"],
    ...more,
  );

Deno.test("compile finds wrong options before it calibrates, exit code 2", async () => {
  for (
    const [option, given, message] of [
      ["--labels", "a,b", /--labels: expected 4 for "t\d+" .*, got 2$/m],
      ["--labels", "a,b,c,a", /expected names that differ, got "a" twice$/m],
      ["--input-names", "a,b", /--input-names: expected 3 for "x" .*, got 2$/m],
      ["--units", "a,b", /--units: expected 1 or 3 for "x" .*, got 2$/m],
      ["--labels", '{"z":["a"]}', /expected the output t\d+, got "z"$/m],
      [
        "--name",
        "My Model!",
        /--name "My Model!": expected at most 100 letters/,
      ],
      ["--state", "y=t", /--state y=t: expected the input x, got "y"/],
      [
        "--calibrate-labels",
        `${folder}/two.csv`,
        /expected 12 classes, one a reading, got 2$/m,
      ],
      [
        "--calibrate-labels",
        `${folder}/nine.csv`,
        /expected classes of 0 to 3, got 9 for reading 0$/m,
      ],
    ] as const
  ) {
    const { code, stderr } = await compile(option, given);
    match(stderr, message);
    equal(code, 2, stderr);
    equal(/calibrating/.test(stderr), false, stderr);
  }
});

Deno.test("compile reports the worst score by its label, and overwrites only with --force", async () => {
  const labels = ["--labels", "north,east,south,west"];
  const first = await compile(...labels);
  equal(first.code, 0, first.stderr);
  match(first.stderr, /^1 rounds; calibrating on 12 readings$/m);
  match(first.stdout, /worst score \((north|east|south|west)\) off by/);
  const second = await compile(...labels);
  equal(second.code, 2);
  match(second.stderr, /there is a package; --force overwrites it$/m);
  equal((await compile(...labels, "--force")).code, 0);
  const weak = await compile("--force", "--key-bits", "1024");
  match(weak.stdout, /INSECURE 1024-bit key/);

  const out = ["--out", `${folder}/two.csv`];
  const simulate = ["simulate", `${folder}/package`, "--input"];
  const kept = await runInProcess(...simulate, `${folder}/x.npy`, ...out);
  equal(kept.code, 2);
  equal(await Deno.readTextFile(`${folder}/two.csv`), "1\n0\n");
});

Deno.test("reports in a sentence what cannot be written", async () => {
  const { code, stderr } = await compile(
    ...["--force", "--out", `${folder}/x.npy/package`],
  );
  equal(code, 2);
  match(stderr, /^Cannot make .*x\.npy\/package: no such folder$/m);
});

Deno.test("finds a model named in any way, and suggests a name for a wrong one", async () => {
  const { stdout } = await runInProcess("inspect", "occupancy", "--json");
  for (
    const name of [
      `${zooFolder}/occupancy`,
      `${zooFolder}/occupancy/package`,
      `${zooFolder}/occupancy/package/manifest.json`,
    ]
  ) {
    equal((await runInProcess("inspect", name, "--json")).stdout, stdout);
  }
  await Deno.mkdir(`${folder}/empty`);
  for (
    const [command, name, message] of [
      ["inspect", "ocupancy", /did you mean "occupancy"\?$/m],
      ["serve", "ocupancy", /did you mean "occupancy"\?$/m],
      ["inspect", zooFolder, /got a folder of .*, occupancy, /],
      [
        "inspect",
        `${folder}/empty`,
        /there is no manifest\.json in it$/m,
      ],
      ["plan", `${folder}/net.onnx`, /is an ONNX file; compile it first/],
      [
        "verify",
        `${folder}/x.npy`,
        /expected a model, but it is a \.npy file$/m,
      ],
      [
        "verify",
        "none.onnx",
        /^Cannot read none\.onnx: no such file or folder$/m,
      ],
      [
        "simulate",
        "http://127.0.0.1:9/occupancy",
        /not to be had from functions/,
      ],
      ["inspect", "http://127.0.0.1:9", /address with the model's name/],
    ] as const
  ) {
    const more = command === "simulate" ? ["--input", "x"] : [];
    const { code, stderr } = await runInProcess(command, name, ...more);
    match(stderr, message);
    equal(code, 2, stderr);
  }
});

Deno.test("reports readings out of range by number, element and unit", async () => {
  const { code, stderr } = await runInProcess(
    ...["simulate", "occupancy", "--input", `${folder}/room.csv`],
  );
  equal(code, 1);
  match(
    stderr,
    /reading 1: expected a value in \[300, 2100\] ppm at index 3 \("co2"\), got 9500; clamp/,
  );
});

Deno.test("prints errors as JSON on stdout with --json", async () => {
  const missing = await runInProcess("verify", "none.onnx", "--json");
  deepEqual(JSON.parse(missing.stdout), {
    error: {
      message: "Cannot read none.onnx: no such file or folder",
      exitCode: 2,
    },
  });
  const misused = await runInProcess("plan", "--json");
  equal(JSON.parse(misused.stdout).error.exitCode, 2);
  await Deno.mkdir(`${folder}/broken`, { recursive: true });
  await Deno.writeTextFile(`${folder}/broken/manifest.json`, "{}");
  const broken = await runInProcess("verify", `${folder}/broken`, "--json");
  equal(JSON.parse(broken.stdout).error.code, "malformed");
  equal(broken.code, 1);
});

Deno.test("prints what is revealed, and that a key is insecure", async () => {
  const inspected = await runInProcess("inspect", "occupancy");
  match(inspected.stdout, /^reveals the label alone, privacy standard$/m);
  match(inspected.stdout, /temperature \(0\.05882 °C from 15\)/);
  const weak = await runInProcess("plan", "occupancy", "--key-bits", "512");
  match(weak.stdout, /\[INSECURE 512-bit key/);
  const strong = await runInProcess("plan", "occupancy");
  equal(strong.stdout.includes("INSECURE"), false);
});

Deno.test("run and inspect take a URL with a model's name, and refuse one that is not served", async () => {
  const model = await readPackage(`${zooFolder}/occupancy/package`);
  await using cloud = startCloud([model]);
  await Deno.writeTextFile(`${folder}/good.csv`, room.replace("9500", "950"));
  const run = [
    ...["--input", `${folder}/good.csv`, "--count", "1"],
    ...["--insecure-key-bits", "512", "--json"],
  ];
  const { code, stdout, stderr } = await runInProcess(
    ...["run", `${cloud.url}/occupancy`, ...run],
  );
  equal(code, 0, stderr);
  const report = JSON.parse(stdout);
  deepEqual(report.labels, ["occupied"]);
  equal(report.maxAbsErrorVsSimulator, null);

  const inspected = await runInProcess("inspect", `${cloud.url}/occupancy`);
  match(inspected.stdout, /^input input \[4\] \(temperature °C, humidity %/m);
  for (const command of ["inspect", "run"]) {
    const wrong = await runInProcess(
      ...[command, `${cloud.url}/ocupancy`],
      ...command === "run" ? run : [],
    );
    match(wrong.stderr, /serves? occupancy/);
  }
  // The environment says where functions are, unless the argument does.
  const env = { CIPHERLAYER_URL: cloud.url };
  const named = await cipherlayerWith(
    env,
    "run",
    `${cloud.url}/occupancy`,
    ...run,
  );
  equal(named.code, 0, named.stderr);
  const before = cloud.calls.length;
  const environment = await cipherlayerWith(env, "run", "occupancy", ...run);
  equal(JSON.parse(environment.stdout).maxAbsErrorVsSimulator, 0);
  equal(cloud.calls.length > before, true);
  const without = await cipherlayerWith(env, "models", "list");
  match(without.stderr, /expected a token in CIPHERLAYER_TOKEN/);
});

Deno.test("prints names from functions without control characters", async () => {
  const evil = "m\u001b]0;owned\u0007\u202e\u009b";
  const inputs = [{ name: evil, shape: [1], labels: null, units: [evil] }];
  const contract = evil;
  const served = [{ name: "m", version: evil, inputs, outputs: [], contract }];
  const versions = [{ version: evil, bytes: 1, storedMs: 0 }];
  const stored = { active: null, previous: null, versions, uploads: [] };
  const owned = [{ name: evil, ...stored }];
  await using server = serveLocally((request) =>
    Response.json(request.url.includes("/admin/") ? owned : served)
  );
  const list = [
    "models",
    "list",
    "--url",
    server.url,
    "--token",
    "t".repeat(40),
  ];
  for (const line of [["inspect", `${server.url}/m`], list]) {
    for (const more of [[], ["--json"]]) {
      const { code, stdout, stderr } = await runInProcess(...line, ...more);
      equal(code, 0, stderr);
      match(stdout, /owned/);
      doesNotMatch(stdout.replaceAll("\n", ""), /[\p{Cc}\p{Bidi_Control}]/u);
    }
  }
  const { stdout } = await runInProcess(...list, "--json");
  deepEqual(JSON.parse(stdout), { models: owned });
});
