/**
 * Memory and time of a gateway on small machines: Deno and Node, in a cgroup with a
 * limit of memory and on one or two processors, until its first and second answer.
 * Every answer is compared with the integer simulator. Needs Linux, and to be root for
 * the limits; the functions run outside of them.
 *
 *     deno run -A bench/single/small_gateways.ts [--json]
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { collect, wholeNumber } from "../../cli/commands/command.ts";
import { readScriptArguments } from "../../cli/commands/program.ts";
import { packSdk } from "../../cli/release/pack_sdk.ts";
import { describeMachine } from "../../cli/output/machine.ts";
import { readPackage } from "../../models/package/read_package.ts";
import { simulate } from "../../models/simulate/simulate.ts";
import { quantise } from "../../sdk/fixed_point/quantise.ts";
import { exportPrivateJwk } from "../../sdk/mod.ts";
import { testReading } from "../shared/checked_session.ts";
import { startFunctions, zooFolder } from "../shared/functions_process.ts";
import { benchKey } from "../shared/keys.ts";

const script = new URL("./small_gateway.mjs", import.meta.url);
/** Where a limit cannot hold what a gateway needs, the system may be busy for ever. */
const maxMs = 60_000;

interface Options {
  model: string[];
  limit: number[];
  cores: number[];
  json: boolean;
}

/** What one gateway needed. */
interface Row {
  runtime: string;
  model: string;
  memory: string;
  limitMiB: number;
  cores: number;
  /** Highest resident memory, with the runtime's code. */
  peakMiB: number;
  /** Of that, what the system cannot read again from files. */
  ownMiB: number;
  /** From the start of the process. */
  firstAnswerMs: number;
  /** The second inference alone. */
  secondAnswerMs: number;
  /** Empty where both answers came. */
  fault: string;
}

interface Runtime {
  name: string;
  command: string[];
  cwd: string;
}

const { model: models, limit: limits, cores, json } = readScriptArguments(
  new Command("bench/single/small_gateways.ts")
    .description("Memory and time of a gateway on small machines.")
    .option("--model <name>", "of the zoo; repeatable", collect)
    .option("--limit <MiB>", "repeatable; 0: none", numbers)
    .option("--cores <n>", "repeatable", numbers)
    .option("--json", "rows as JSON", false),
) as Partial<Options>;

function numbers(text: string, before: number[] = []): number[] {
  return [...before, wholeNumber(0)(text)];
}

function denoRuntime(): Runtime {
  return {
    name: `Deno ${Deno.version.deno}`,
    command: [Deno.execPath(), "run", "-A", fileURLToPath(script)],
    cwd: ".",
  };
}

/** The packed SDK, installed as its users do. */
async function nodeRuntime(folder: string): Promise<Runtime> {
  await packSdk(`${folder}/sdk.tgz`);
  await Deno.writeTextFile(`${folder}/package.json`, '{"type":"module"}');
  await output("npm", ["install", "--no-audit", "--no-fund", "./sdk.tgz"]);
  await Deno.copyFile(script, `${folder}/gateway.mjs`);
  return {
    name: `Node ${(await output("node", ["--version"])).slice(1)}`,
    command: ["node", "gateway.mjs"],
    cwd: folder,
  };

  async function output(program: string, args: string[]): Promise<string> {
    const { success, stdout, stderr } = await new Deno.Command(program, {
      args,
      cwd: folder,
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout).trim();
  }
}

async function measure(
  runtime: Runtime,
  options: {
    url: string;
    model: string;
    memory: string;
    limitMiB: number;
    cores: number;
  },
): Promise<Row> {
  const { url, model, memory, limitMiB, cores } = options;
  const read = await readPackage(`${zooFolder}/${model}/package`);
  const reading = testReading(read, 0);
  const { integers } = simulate(read, quantise(reading, read.manifest));
  const expected = integers.indexOf(integers.reduce((a, b) => Math.max(a, b)));
  const jwk = exportPrivateJwk(benchKey(2048));
  const task = { url, model, jwk, memory, reading: [...reading] };
  await using group = await Cgroup.make(limitMiB);
  const started = performance.now();
  const child = new Deno.Command("sh", {
    args: [
      "-c",
      `${group.join}exec taskset -c 0-${cores - 1} "$@"`,
      "sh",
      ...runtime.command,
      JSON.stringify(task),
    ],
    cwd: runtime.cwd,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), maxMs);
  const times: number[] = [];
  const row: Row = {
    ...{ runtime: runtime.name, model, memory, limitMiB, cores },
    ...{ peakMiB: 0, ownMiB: 0, firstAnswerMs: 0, secondAnswerMs: 0 },
    fault: "ended before it answered",
  };
  const lines = child.stdout.pipeThrough(new TextDecoderStream());
  let text = "";
  for await (const part of lines) {
    text += part;
    const answers = text.split("\n").slice(0, -1);
    if (answers.some((answer) => Number(answer) !== expected)) {
      throw new Error(`Expected ${expected}, got ${answers}`);
    }
    while (times.length < answers.length) {
      times.push(performance.now() - started);
    }
    if (answers.length < 2) continue;
    Object.assign(row, await memoryOf(child.pid), {
      firstAnswerMs: Math.round(times[0]),
      secondAnswerMs: Math.round(times[1] - times[0]),
      fault: "",
    });
    await child.stdin.close();
    break;
  }
  if (row.fault !== "") await child.stdin.close().catch(() => {});
  await child.status;
  clearTimeout(timer);
  return row;
}

async function memoryOf(
  pid: number,
): Promise<Pick<Row, "peakMiB" | "ownMiB">> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const mebibytes = (name: string) =>
    Math.round(
      Number(new RegExp(`${name}:\\s*(\\d+)`).exec(status)![1]) / 1024,
    );
  return { peakMiB: mebibytes("VmHWM"), ownMiB: mebibytes("RssAnon") };
}

/** A group of processes with a limit of memory: cgroups of version 1 or 2. */
class Cgroup {
  /** Shell code by which a process enters the group. */
  readonly join: string;
  readonly #folder: string | null;

  private constructor(folder: string | null) {
    this.#folder = folder;
    this.join = folder ? `echo $$ > ${folder}/cgroup.procs; ` : "";
  }

  /** @param limitMiB 0: no limit, and no group */
  static async make(limitMiB: number): Promise<Cgroup> {
    if (limitMiB === 0) return new Cgroup(null);
    const first = "/sys/fs/cgroup/memory";
    const isFirst = await Deno.stat(first).then(() => true, () => false);
    const folder = `${isFirst ? first : "/sys/fs/cgroup"}/small-${Deno.pid}`;
    await Deno.mkdir(folder);
    const file = isFirst ? "memory.limit_in_bytes" : "memory.max";
    await Deno.writeTextFile(`${folder}/${file}`, `${limitMiB * 2 ** 20}`);
    return new Cgroup(folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#folder) await Deno.remove(this.#folder);
  }
}

const folder = await Deno.makeTempDir();
try {
  const runtimes = [denoRuntime(), await nodeRuntime(folder)];
  await using functions = await startFunctions({ models: zooFolder });
  const rows: Row[] = [];
  for (const model of models ?? ["occupancy", "lenet-mnist"]) {
    for (const limitMiB of limits ?? [0, 256, 128, 64]) {
      for (const count of cores ?? [1, 2]) {
        for (const runtime of runtimes) {
          // Without a limit what `auto` is on a large machine, then what it is on a small one.
          for (const memory of limitMiB === 0 ? ["auto", "small"] : ["auto"]) {
            const row = await measure(runtime, {
              ...{ url: functions.url, model, memory, limitMiB, cores: count },
            });
            rows.push(row);
            if (!json) console.log(Object.values(row).join("\t"));
          }
        }
      }
    }
  }
  if (json) console.log(JSON.stringify({ machine: describeMachine(), rows }));
} finally {
  await Deno.remove(folder, { recursive: true });
}
