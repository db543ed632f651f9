import { deepEqual, equal, match, ok } from "node:assert/strict";
import { existsSync } from "node:fs";
import { encode } from "fast-png";
import { digitSample } from "../../examples/digits/samples.ts";
import { dataFolder } from "../support/data_folder.ts";
import { taskArguments } from "../support/task_command.ts";

const ignore = !existsSync("models/zoo/lenet-mnist/package/manifest.json");
const mnist = dataFolder("mnist");

/** Runs the demo as a user does, with a data folder of its own. */
async function demo(
  args: string[],
  env: Record<string, string> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const data = await Deno.makeTempDir();
  try {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...taskArguments("demo"), ...args],
      env: { XDG_DATA_HOME: data, NO_COLOR: "1", ...env },
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, stdout: text(stdout), stderr: text(stderr) };
  } finally {
    if (env.XDG_DATA_HOME === undefined) {
      await Deno.remove(data, { recursive: true });
    }
  }
}

const insecure = ["--insecure-key-bits", "512"];

interface Report {
  model: string;
  keyBits: number;
  insecure: boolean;
  kernel: string;
  predicted: number | number[];
  expected: number | number[] | null;
  scores: number[] | number[][];
  rounds: Record<string, number>[];
  totalMs: number;
  bytesUp: number;
  bytesDown: number;
}

async function demoJson(args: string[]): Promise<Report> {
  const { code, stdout, stderr } = await demo([...args, "--json"]);
  equal(code, 0, stderr);
  return JSON.parse(stdout);
}

Deno.test({
  name:
    "demo --privacy sealed gives the right answer, and shows noise where features stood",
  ignore,
  fn: async () => {
    const sealed = [...insecure, "--privacy", "sealed"];
    const { code, stdout, stderr } = await demo(sealed);
    equal(code, 0, stderr);
    match(stdout, /What the gateway decrypts/);
    match(stdout, /Answer: 7 \(right\)\n/);
    match(stdout, /\d+ uniform numbers/);
    match(stdout, /at most 3.3 bits of the model a label/);
    // Of the picture's upper left corner features are all alike: noise is not.
    const corner = stdout.split("\n").slice(3, 7)
      .map((line) => line.slice(66, 74)).join("");
    ok(new Set(corner).size > 4, corner);
    const clash = await demo([...sealed, "--url", "http://127.0.0.1:9"]);
    equal(clash.code, 2);
  },
});

Deno.test({
  name: "demo --json prints the documented fields and the right answer",
  ignore,
  fn: async () => {
    const report = await demoJson(insecure);
    deepEqual(Object.keys(report), [
      "model",
      "keyBits",
      "insecure",
      "kernel",
      "predicted",
      "expected",
      "scores",
      "rounds",
      "totalMs",
      "bytesUp",
      "bytesDown",
    ]);
    deepEqual(
      [report.model, report.keyBits, report.insecure],
      ["lenet-mnist", 512, true],
    );
    equal(report.predicted, 7);
    equal(report.expected, 7);
    equal(report.scores.length, 10);
    equal(report.rounds.length, 4);
    for (const round of report.rounds) {
      deepEqual(Object.keys(round), [
        "ciphertextsUp",
        "ciphertextsDown",
        "bytesUp",
        "bytesDown",
        "encryptMs",
        "evaluateMs",
        "decryptMs",
        "totalMs",
      ]);
      ok(Object.values(round).every((value) => value > 0));
    }
    const sum = (name: string) =>
      report.rounds.reduce((total, round) => total + round[name], 0);
    equal(report.bytesUp, sum("bytesUp"));
    equal(report.bytesDown, sum("bytesDown"));
    ok(report.totalMs >= sum("totalMs"));
  },
});

Deno.test({
  name: "demo --samples prints lists, one item a picture",
  ignore,
  fn: async () => {
    const report = await demoJson([
      ...insecure,
      "--samples",
      "3",
      "--index",
      "4",
    ]);
    deepEqual(report.predicted, [4, 5, 6]);
    deepEqual(report.expected, [4, 5, 6]);
    equal((report.scores as number[][])[2].length, 10);
  },
});

Deno.test({
  name:
    "demo prints pictures, table, answer and what was seen; keeps keys and marks them insecure",
  ignore,
  fn: async () => {
    const data = await Deno.makeTempDir();
    try {
      const first = await demo(insecure, { XDG_DATA_HOME: data });
      equal(first.code, 0, first.stderr);
      match(first.stderr, /Making a 512-bit key pair/);
      const lines = first.stdout.split("\n");
      match(lines[0], /The gateway's digit +Its ciphertexts mod 256/);
      // Black corners in the picture, none in the noise beside it.
      equal(lines[1].slice(0, 28).trim(), "");
      ok(new Set(lines[1].slice(32)).size > 3);
      match(first.stdout, /1 convolution 20x24x24/);
      match(first.stdout, /4 dense 10/);
      match(first.stdout, /Answer: 7 \(right\)/);
      match(first.stdout, /What the cloud saw: .*each freshly encrypted/);
      match(first.stdout, /What the gateway saw: /);
      for (const line of lines.filter((line) => /^(Rounds|Total)/.test(line))) {
        match(line, /INSECURE 512-bit key/);
      }

      const files = [...Deno.readDirSync(`${data}/cipherlayer`)];
      ok(files.length >= 1);
      for (const { name } of files) {
        const { mode } = Deno.statSync(`${data}/cipherlayer/${name}`);
        equal(mode! & 0o777, 0o600, name);
      }
      const second = await demo(insecure, { XDG_DATA_HOME: data });
      equal(second.code, 0, second.stderr);
      ok(!second.stderr.includes("Making a"));
    } finally {
      await Deno.remove(data, { recursive: true });
    }
  },
});

Deno.test({
  name: "demo --image reads a large picture, dark on paper, off the middle",
  ignore,
  fn: async () => {
    const { picture } = digitSample(23);
    const side = 200, zoom = 4;
    const data = new Uint8Array(side * side).fill(240);
    for (let y = 0; y < 28 * zoom; y++) {
      for (let x = 0; x < 28 * zoom; x++) {
        const ink = picture[Math.floor(y / zoom) * 28 + Math.floor(x / zoom)];
        data[(y + 70) * side + x + 10] = 240 - Math.round(ink * 0.8);
      }
    }
    const file = await Deno.makeTempFile({ suffix: ".png" });
    try {
      const png = encode({
        width: side,
        height: side,
        data,
        channels: 1,
        depth: 8,
      });
      await Deno.writeFile(file, png);
      const report = await demoJson([...insecure, "--image", file]);
      equal(report.predicted, 3);
      equal(report.expected, null);
    } finally {
      await Deno.remove(file);
    }
  },
});

Deno.test({
  name: "demo --mnist answers the first test pictures",
  ignore: ignore || mnist === null,
  fn: async () => {
    const report = await demoJson([
      ...insecure,
      "--mnist",
      mnist!,
      "--samples",
      "5",
    ]);
    deepEqual(report.expected, [7, 2, 1, 0, 4]);
    deepEqual(report.predicted, report.expected);
  },
});

Deno.test({
  name: "demo answers under a 2048-bit key",
  ignore,
  fn: async () => {
    const report = await demoJson([]);
    deepEqual([report.keyBits, report.insecure], [2048, false]);
    equal(report.predicted, 7);
  },
});

for (
  const [args, message] of [
    [["--nonsense"], /unknown option '--nonsense'/],
    [["--key-bits", "512"], /Expected 2048, 3072 or 4096/],
    [["--image", "nowhere.png"], /Cannot read nowhere.png: no such file/],
    [["--image", "deno.json"], /expected a .png or .npy file/],
    [["--mnist", "nowhere"], /expected t10k-images-idx3-ubyte/],
    [["--index", "1000"], /expected --index in \[0, 60\)/],
  ] as const
) {
  Deno.test(`demo ${args.join(" ")}: exit code 2 and a clear message`, async () => {
    const { code, stdout, stderr } = await demo([...args]);
    equal(code, 2, stderr);
    equal(stdout, "");
    match(stderr, message);
  });
}

Deno.test("demo --help exits with 0", async () => {
  const { code, stdout } = await demo(["--help"]);
  equal(code, 0);
  match(stdout, /Examples:/);
});

Deno.test("demo exits with 1 when the functions cannot be reached", async () => {
  const { code, stderr } = await demo([
    ...insecure,
    "--url",
    "http://127.0.0.1:1",
  ]);
  equal(code, 1);
  match(stderr, /error: Cannot reach http:\/\/127.0.0.1:1/);
});
