/**
 * The npm packages of the command line and of the functions, as people without this
 * repository get them: installed by npm into an empty folder, run by Node 20 and by
 * Deno. Ignored where there is no Node 20.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { version } from "../../sdk/support/version.ts";
import { encodeNpy } from "../../cli/readings/npy.ts";
import { GraphBuilder } from "../reference/graph_builder.ts";
import { installPrograms, listening } from "./packed_programs.ts";
import { nodeMajor, runCommand } from "./processes.ts";

const ignore = await nodeMajor() < 20;

/** Room's readings: occupied, empty. */
const readings = "temperature,humidity,light,co2\n22,29,460,950\n19,40,0,420\n";

Deno.test({
  name:
    "the npm packages of command line and functions, installed in an empty folder, on Node and Deno",
  ignore,
  async fn(t) {
    const folder = await Deno.makeTempDir();
    try {
      const installed = await installPrograms(folder);
      await Deno.writeTextFile(`${folder}/room.csv`, readings);
      const cipherlayer = (...args: string[]) =>
        runCommand(installed, args, folder, { XDG_DATA_HOME: folder });

      await t.step("version and help", async () => {
        assert.equal(await cipherlayer("--version"), `${version}\n`);
        const help = await cipherlayer("--help");
        for (const name of commands) {
          assert.match(help, new RegExp(`^  ${name}\\b`, "m"));
        }
      });
      await t.step(
        "a zoo model is simulated, on Node and on Deno",
        async () => {
          const args = [
            "simulate",
            "occupancy",
            "--input",
            "room.csv",
            "--json",
          ];
          const node = JSON.parse(await cipherlayer(...args));
          assert.deepEqual(node.predicted, [1, 0]);
          const program = "node_modules/cipherlayer/dist/cipherlayer.js";
          const deno = await runCommand(
            Deno.execPath(),
            ["run", "-A", program, ...args],
            folder,
          );
          assert.deepEqual(JSON.parse(deno).scores, node.scores);
        },
      );
      await t.step(
        "a model is compiled, served on threads, and run",
        () => compileServeRun(folder, cipherlayer),
      );
      await t.step("the demo", async () => {
        const text = await cipherlayer("demo", "--insecure-key-bits", "512");
        assert.match(text, /What the cloud saw/);
      });
      await t.step(
        "the functions in a Hono application of others",
        () => runOtherApplication(folder),
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

const commands = [
  ...["demo", "serve", "compile", "run", "plan", "simulate", "accuracy"],
  ...["attack", "keys", "token", "deploy", "models"],
];

async function compileServeRun(
  folder: string,
  cipherlayer: (...args: string[]) => Promise<string>,
): Promise<void> {
  const g = new GraphBuilder([2, 6, 6], { seed: 4 });
  const relu = g.node("Relu", [g.conv("x", [3, 2, 3, 3])]);
  await Deno.writeFile(`${folder}/net.onnx`, g.bytes(g.head(relu, 48, 4)));
  await Deno.writeFile(
    `${folder}/x.npy`,
    encodeNpy({
      shape: [60, 2, 6, 6],
      data: Float64Array.from(g.readings(60).flatMap((row) => [...row])),
    }),
  );
  const compiled = await cipherlayer(
    ...["compile", "net.onnx", "--calibrate", "x.npy", "--out", "net"],
    ...["--reveal", "scores", "--json"],
  );
  assert.equal(JSON.parse(compiled).name, "net");

  const server = new Deno.Command(`${folder}/node_modules/.bin/cipherlayer`, {
    args: ["serve", "net", "--port", "0"],
    cwd: folder,
    env: { CIPHERLAYER_INSECURE_KEYS: "1", CIPHERLAYER_THREADS: "2" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  try {
    const url = await listening(server.stderr);
    const report = JSON.parse(
      await cipherlayer(
        ...["run", "net", "--url", url, "--input", "x.npy", "--count", "2"],
        ...["--insecure-key-bits", "512", "--json"],
      ),
    );
    assert.equal(report.maxAbsErrorVsSimulator, 0);
    assert.equal(report.scores.length, 2);
    assert.equal(report.kernel, "wasm");
  } finally {
    server.kill("SIGTERM");
  }
  const { code } = await server.status;
  assert.equal(code, 0);
}

async function runOtherApplication(folder: string): Promise<void> {
  await Deno.writeTextFile(
    `${folder}/application.ts`,
    `import { Hono } from "hono";
    import { createApp, FolderModelStore } from "@cipherlayer/functions";
    import type { AppOptions } from "@cipherlayer/functions";
    const options: AppOptions = {
      models: new FolderModelStore("node_modules/cipherlayer/zoo"),
      sealingKey: new Uint8Array(32),
    };
    // @ts-expect-error A number.
    options.sealingKey = 7;
    options.sealingKey = new Uint8Array(32);
    const app = new Hono().route("/private", createApp(options));
    const models = await (await app.request("/private/v1/models")).json();
    console.log(models.map(({ name }: { name: string }) => name).join());
    `,
  );
  await runCommand(Deno.execPath(), ["check", "application.ts"], folder);
  const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
  await runCommand(
    Deno.execPath(),
    [
      ...["run", "-A", "--config", config, "--node-modules-dir=none"],
      ...["npm:typescript@7.0.2/tsc", "--strict", "--skipLibCheck", "false"],
      ...["--target", "es2022", "--lib", "es2023,dom", "--module", "nodenext"],
      "application.ts",
    ],
    folder,
  );
  assert.equal(
    await runCommand("node", ["application.js"], folder),
    "appliance,lenet-mnist,meter-digits,occupancy,resnet20-cifar10\n",
  );
}
