/**
 * Cold starts: from the start of a process of the functions to the first session
 * and the first inference answered, on each host of this machine, beside a second
 * inference. Every answer is compared with the integer simulator.
 *
 * @module
 */
import { Command } from "commander";
import {
  collect,
  parseArguments,
  UsageError,
  wholeNumber,
} from "../../cli/commands/command.ts";
import { exitCodeOf } from "../../cli/commands/program.ts";
import {
  type Host,
  type HostCommand,
  prepareHost,
} from "../../functions/hosts/host_process.ts";
import { readPackage } from "../../models/package/read_package.ts";
import type { ModelPackage } from "../../models/package/format.ts";
import { simulate } from "../../models/simulate/simulate.ts";
import { quantise } from "../../sdk/fixed_point/quantise.ts";
import { inputCiphertexts } from "../../sdk/fixed_point/layout.ts";
import { PaillierEngine } from "../../sdk/paillier/private/paillier_engine.ts";
import { connect } from "../../sdk/session/session.ts";
import type { Answer } from "../../sdk/session/answer.ts";
import { testReading } from "../shared/checked_session.ts";
import { zooFolder } from "../shared/functions_process.ts";
import {
  benchKey,
  type BenchKeyBits,
  parseBenchKeyBits,
} from "../shared/keys.ts";
import { describeMachine } from "../../cli/output/machine.ts";

interface Case {
  name: string;
  host: Host;
  env: Record<string, string>;
}

const deno = (threads: number): Case => ({
  name: `deno-${threads}`,
  host: "deno",
  env: {
    CIPHERLAYER_THREADS: String(threads),
    CIPHERLAYER_STATE: "kv::memory:",
  },
});
const cases: Case[] = [
  deno(1),
  deno(2),
  { name: "node", host: "node", env: {} },
  { name: "workerd", host: "workerd", env: {} },
];

/** Milliseconds since the process was started, but for the second inference's own. */
interface ColdStart {
  healthyMs: number;
  sessionMs: number;
  inferenceMs: number;
  secondInferenceMs: number;
  /** Most memory that the process has had resident; 0 where the system does not tell. */
  peakMiB: number;
}

async function measure(
  command: HostCommand,
  { env, url, model, bits }: {
    env: Record<string, string>;
    url: string;
    model: ModelPackage;
    bits: BenchKeyBits;
  },
): Promise<ColdStart> {
  using owner = new PaillierEngine(benchKey(bits));
  const reading = testReading(model, 0);
  await owner.fillPool(4096);
  const started = performance.now();
  const since = () => performance.now() - started;
  const child = new Deno.Command(command.program, {
    args: command.args,
    cwd: command.cwd,
    env: {
      CIPHERLAYER_SEALING_KEY: "7".repeat(64),
      CIPHERLAYER_INSECURE_KEYS: "1",
      ...command.env,
      ...env,
    },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    while (!await answers(url)) {
      if (since() > 60_000) throw new Error("The functions do not start");
    }
    const healthyMs = since();
    await using session = await connect({
      url,
      model: model.manifest.name,
      keys: owner,
    });
    const sessionMs = since();
    check(await session.infer(reading), model, reading);
    const inferenceMs = since();
    await owner.fillPool(
      session.plan.rounds.reduce(
        (sum, { layout }) => sum + inputCiphertexts(layout),
        0,
      ),
    );
    const again = since();
    check(await session.infer(reading), model, reading);
    return {
      healthyMs,
      sessionMs,
      inferenceMs,
      secondInferenceMs: since() - again,
      peakMiB: await peakMiB(child.pid),
    };
  } finally {
    child.kill("SIGKILL");
    await child.status;
  }
}

function check(answer: Answer, model: ModelPackage, reading: Float64Array) {
  const { integers, scores } = simulate(
    model,
    quantise(reading, model.manifest),
  );
  const same = answer.scores
    ? answer.scores.every((score, i) => score === scores[i])
    : answer.predicted === integers.indexOf(Math.max(...integers));
  if (!same) {
    throw new Error("The encrypted inference differs from the simulator");
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/healthz`);
    await response.body?.cancel();
    return response.ok;
  } catch {
    await new Promise((done) => setTimeout(done, 2));
    return false;
  }
}

async function peakMiB(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
  return Math.round(Number(/VmHWM:\s*(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}

function medians(starts: ColdStart[]): ColdStart {
  const keys = Object.keys(starts[0]) as (keyof ColdStart)[];
  return Object.fromEntries(keys.map((key) => {
    const sorted = starts.map((start) => start[key]).toSorted((a, b) => a - b);
    return [key, Math.round(sorted[sorted.length >> 1])];
  })) as unknown as ColdStart;
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function measureCase(
  { host, env }: Case,
  options: { runs: number; model: ModelPackage; bits: BenchKeyBits },
): Promise<ColdStart> {
  const folder = await Deno.makeTempDir();
  try {
    const port = freePort();
    const command = await prepareHost(host, folder, {
      models: zooFolder,
      hostname: "127.0.0.1",
      port,
    });
    const url = `http://127.0.0.1:${port}`;
    const spent = { CIPHERLAYER_STATE: `folder:${folder}/spent-tokens` };
    const starts: ColdStart[] = [];
    for (let run = 0; run < options.runs; run++) {
      starts.push(
        await measure(command, {
          ...options,
          env: { ...spent, ...env },
          url,
        }),
      );
    }
    return medians(starts);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function main(args: string[]): Promise<void> {
  const names = cases.map(({ name }) => name).join(", ");
  const command = new Command("bench/single/cold_start.ts")
    .description(
      "From the start of a process of the functions to its first answers, on each host of this machine.",
    )
    .option("--model <name>", "of models/zoo", "lenet-mnist")
    .option("--bits <n>", "length of the key", parseBenchKeyBits, 2048)
    .option(
      "--runs <n>",
      "processes started of each host; reports medians",
      wholeNumber(1),
      5,
    )
    .option("--only <host>", `${names}; may be repeated`, collect)
    .option(
      "--json",
      "print one JSON object {machine, model, bits, runs, results}",
      false,
    )
    .addHelpText(
      "after",
      "\nExample:\n  deno run -A bench/single/cold_start.ts --model occupancy --runs 9 --json",
    );
  const values = parseArguments(command, args);
  const { bits, runs } = values;
  const wanted = cases.filter(({ name }) =>
    values.only?.includes(name) ?? true
  );
  if (wanted.length === 0) {
    throw new UsageError(`Cannot measure: expected --only of ${names}`);
  }
  const machine = describeMachine();
  const model = await readPackage(`${zooFolder}/${values.model}/package`);
  const results: ({ host: string } & ColdStart)[] = [];
  for (const wantedCase of wanted) {
    console.error(`${wantedCase.name}: ${runs} starts`);
    const times = await measureCase(wantedCase, { runs, model, bits });
    results.push({ host: wantedCase.name, ...times });
  }
  if (values.json) {
    console.log(
      JSON.stringify({ machine, model: values.model, bits, runs, results }),
    );
  } else {
    console.table(results);
  }
}

if (import.meta.main) {
  Deno.exit(await exitCodeOf(() => main(Deno.args)));
}
