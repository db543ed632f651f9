/** What the READMEs show runs as it stands there. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { digitSample } from "../../examples/digits/samples.ts";
import { parseConfig } from "../../examples/water_meter/meter_config.ts";
import deno from "../../deno.json" with { type: "json" };
import sdk from "../../sdk/deno.json" with { type: "json" };
import { readPackage } from "../../models/package/read_package.ts";
import { isMissing } from "../support/apps.ts";
import { startCloud } from "../support/cloud.ts";
import { runCommand } from "../runtimes/processes.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Code of a document: its language and its text. */
async function blocksOf(path: string): Promise<[string, string][]> {
  const text = await Deno.readTextFile(root + path);
  const blocks = text.matchAll(/^```(\w*)[^\n]*\n(.*?)^```$/gms);
  return Array.from(blocks, ([, language, code]) => [language, code]);
}

Deno.test("README's program is the quickstart, which a test of its own runs", async () => {
  const quickstart = await Deno.readTextFile(
    root + "examples/01_quickstart.ts",
  );
  const [program, ...others] = (await blocksOf("README.md"))
    .filter(([language]) => language !== "");
  deepEqual(others, []);
  equal(program[1], quickstart.slice(quickstart.indexOf("import ")));
});

Deno.test("the page for gateways shows the program for Node, which a test of its own runs", async () => {
  const program = await Deno.readTextFile(root + "examples/05_node.mjs");
  const [shown] = (await blocksOf("docs/get-started/gateway.md"))
    .filter(([language]) => language === "js");
  equal(shown[1], program.slice(program.indexOf("import ")));
});

/** What each program of the SDK's README takes for granted, and how its reader goes on. */
const surroundings = [
  (url: string, picture: number[]) => ({
    before: `const picture = ${JSON.stringify(picture)};`,
    after: "console.log(predicted, leakage.cloud.bits);",
    replace: ["http://127.0.0.1:8000", url],
  }),
  (url: string) => ({
    before: `
      import { EventEmitter } from "node:events";
      import { type Answer, generatePrivateKey, MemoryKeyStore } from "@cipherlayer/sdk";
      const url = ${JSON.stringify(url)}, model = "occupancy";
      const sensor: EventEmitter = new EventEmitter();
      const keys = new MemoryKeyStore();
      await keys.save(await generatePrivateKey(2048));
      sensor.once("newListener", () => setTimeout(() => {
        const air = { temperature: 22, humidity: 27, co2: 800 };
        sensor.emit("reading", air); // no light
        sensor.emit("reading", { ...air, light: 440 });
      }));
      async function publish(id: number, at: Date | null, meta: unknown, { label }: Answer) {
        console.log(id, at!.getTime() > 0, JSON.stringify(meta), label);
        Deno.exit();
      }`,
    after: "",
    replace: ["", ""],
  }),
];

Deno.test({
  name: "the programs of the SDK's README are of the right types, and run",
  ignore: isMissing("lenet-mnist") || isMissing("occupancy"),
  fn: async () => {
    const programs = (await blocksOf("sdk/README.md"))
      .filter(([language]) => language !== "");
    equal(programs.length, surroundings.length);
    await using cloud = startCloud(
      await Promise.all(
        ["lenet-mnist", "occupancy"].map((model) =>
          readPackage(`${root}models/zoo/${model}/package`)
        ),
      ),
    );
    const { digit, picture } = digitSample(3);
    const reading = Array.from(picture, (value) => value / 255);
    const folder = await Deno.makeTempDir();
    const run = (args: string[]) =>
      runCommand(Deno.execPath(), args, folder, {
        CIPHERLAYER_PASSPHRASE: "a passphrase",
      });
    const config = `--config=${root}deno.json`;
    try {
      const files = programs.map((_, i) => `${folder}/${i}.ts`);
      for (const [i, [, code]] of programs.entries()) {
        const { before, after, replace } = surroundings[i](cloud.url, reading);
        const [from, to] = replace;
        const whole = `${before}\n${code.replace(from, to)}\n${after}`;
        await Deno.writeTextFile(files[i], withSdkFiles(whole));
      }
      await run(["check", "--quiet", config, ...files]);
      const outputs = await Promise.all(
        files.map((file) => run(["run", "-A", "--no-check", config, file])),
      );
      equal(
        outputs[0],
        `Made gateway.key: a new identity\n${digit} 0\n`,
      );
      equal(outputs[1], `1 true {"sensor":"hall"} occupied\n`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

/** The package by the files of this repository. */
function withSdkFiles(code: string): string {
  const entries: Record<string, string> = sdk.exports;
  return code.replace(/"@cipherlayer\/sdk(\/[^"]+)?"/g, (_, entry = "") => {
    const file = `../../sdk/${entries[`.${entry}`]}`;
    return JSON.stringify(new URL(file, import.meta.url));
  });
}

Deno.test("the water meter's README shows a description that it takes", async () => {
  const [[, json]] = (await blocksOf("examples/water_meter/README.md"))
    .filter(([language]) => language === "json");
  equal(parseConfig(json, "meter.json").digits.length, 3);
});

const apps = ["water_meter", "occupancy", "appliance"];

Deno.test("commands of READMEs name tasks, programs and options that there are", async () => {
  const documents = [
    "README.md",
    "sdk/README.md",
    "examples/smart_home/systemd/README.md",
    ...apps.map((app) => `examples/${app}/README.md`),
  ];
  const helps = new Map(
    await Promise.all(apps.map(async (app) => {
      const program = `examples/${app}/main.ts`;
      const args = ["run", "-A", program, "--help"];
      const help = await runCommand(Deno.execPath(), args, root);
      return [program, help] as const;
    })),
  );
  for (const document of documents) {
    const commands = (await blocksOf(document))
      .filter(([language]) => language === "")
      .flatMap(([, code]) => code.replaceAll("\\\n", " ").split("\n"));
    ok(commands.length > 0, document);
    for (const command of commands) {
      const task = /deno task (\S+)/.exec(command)?.[1];
      if (task) ok(task in deno.tasks, `${document}: ${command}`);
      const program = /deno run -A (\S+)/.exec(command)?.[1];
      if (!program) continue;
      ok(existsSync(root + program), `${document}: ${command}`);
      const help = helps.get(program) ?? "";
      for (const [option] of help ? command.matchAll(/--[a-z-]+/g) : []) {
        match(help, new RegExp(`${option}\\b`), `${document}: ${command}`);
      }
    }
  }
});
