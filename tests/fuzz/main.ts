/**
 * `deno task fuzz`: the targets of the tests for as many cases as one has time for,
 * in several processes, each watched for time and memory.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { table } from "../../cli/output/table.ts";
import { type Finding, runCases } from "./run_cases.ts";
import type { Progress, Work } from "./process.ts";
import { targets } from "./targets.ts";

const usage = `usage: deno task fuzz [options]

  --target NAME   only this target; may be repeated
  --cases N       cases of each target, default 20000
  --minutes M     instead of --cases: so long in all, shared by the targets
  --seed S        first seed, default from the clock
  --processes P   at a time, default one a processor
  --out FOLDER    where findings are written, default .work/fuzz
  --replay FILE   run the case of a finding again
  --json          one JSON object on standard output
  --help          this text

targets: ${Object.keys(targets).join(", ")}

A finding is an error that is not declared, a result that changes when it is
written and read again, a case of more than 20 s, or a process of more than 1 GiB.
It is written to a file, and the exit code is 1.

examples:
  deno task fuzz --minutes 10
  deno task fuzz --target onnx --target passes --cases 1000000
  deno task fuzz --replay .work/fuzz/npy-17.json
`;

const chunkCases = 500;
const maxCaseMs = 20_000;
/** Without a word from a process for so long, it hangs. */
const maxSilenceMs = 240_000;
const maxMemoryBytes = 2 ** 30;

interface Row {
  target: string;
  cases: number;
  casesPerSecond: number;
  peakMebibytes: number;
  finding: Finding | null;
}

interface Settings {
  names: string[];
  seed: number;
  cases: number;
  /** For each target. */
  maxMs: number;
  processes: number;
  out: string;
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      target: { type: "string", multiple: true },
      cases: { type: "string" },
      minutes: { type: "string" },
      seed: { type: "string" },
      processes: { type: "string" },
      out: { type: "string" },
      replay: { type: "string" },
      json: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  if (values.replay !== undefined) return await replay(values.replay);
  const names = values.target ?? Object.keys(targets);
  const unknown = names.find((name) => !Object.hasOwn(targets, name));
  if (unknown !== undefined) {
    throw new RangeError(`Cannot fuzz ${unknown}: there is no such target`);
  }
  if (values.cases !== undefined && values.minutes !== undefined) {
    throw new RangeError(
      "Cannot fuzz: expected --cases or --minutes, got both",
    );
  }
  const processes = positive("--processes", values.processes) ??
    navigator.hardwareConcurrency;
  const minutes = positive("--minutes", values.minutes);
  const rows = await runAll({
    names,
    seed: integer("--seed", values.seed) ?? Date.now() % 2 ** 31,
    cases: minutes === undefined
      ? positive("--cases", values.cases) ?? 20_000
      : Infinity,
    maxMs: minutes === undefined
      ? Infinity
      : 60_000 * minutes * processes / names.length,
    processes,
    out: values.out ?? ".work/fuzz",
  });
  console.log(values.json ? JSON.stringify({ rows }) : tableOf(rows));
  return rows.some(({ finding }) => finding) ? 1 : 0;
}

/** Runs a finding's case again. */
async function replay(file: string): Promise<number> {
  const { target, seed, path, input } = JSON.parse(
    await Deno.readTextFile(file),
  ) as Finding;
  console.error(`${target}, seed ${seed}, path ${path}\n${input}`);
  const found = await runCases(target, await targets[target](), {
    seed,
    cases: chunkCases,
    path: path || undefined,
  });
  console.log(found ? found.error : "The case passes now.");
  return found ? 1 : 0;
}

async function runAll(settings: Settings): Promise<Row[]> {
  const waiting = [...settings.names];
  const rows = new Map<string, Row>();
  const worker = async () => {
    for (;;) {
      const name = waiting.shift();
      if (name === undefined) return;
      const row = await runTarget(name, settings);
      rows.set(name, row);
      if (row.finding) await writeFinding(row.finding, settings.out);
      console.error(
        `${row.target}: ${row.cases} cases, ${row.casesPerSecond} a second, peak ${row.peakMebibytes} MiB`,
      );
    }
  };
  await Promise.all(Array.from({ length: settings.processes }, worker));
  return settings.names.map((name) => rows.get(name)!);
}

async function runTarget(
  name: string,
  { seed, cases, maxMs }: Settings,
): Promise<Row> {
  // JSON has no infinity.
  const work: Work = {
    target: name,
    seed,
    chunkCases,
    cases: Math.min(cases, Number.MAX_SAFE_INTEGER),
    maxMs: Math.min(maxMs, Number.MAX_SAFE_INTEGER),
    maxCaseMs,
  };
  const { last, ended } = await watch(work);
  let { finding } = last;
  if (!finding && last.peakBytes > maxMemoryBytes) {
    finding = unshrunk(name, seed, `it took ${mebibytes(last)} MiB`, "");
  }
  if (!finding && ended !== "done") {
    // The same chunk once more, each input written down before it is run.
    const trace = await Deno.makeTempFile();
    await watch({ ...work, seed: last.seed, cases: chunkCases, trace });
    const input = await Deno.readTextFile(trace);
    await Deno.remove(trace);
    finding = unshrunk(name, last.seed, `the process ${ended}`, input);
  }
  return {
    target: name,
    cases: last.cases,
    casesPerSecond: Math.round(1000 * last.cases / Math.max(last.busyMs, 1)),
    peakMebibytes: mebibytes(last),
    finding,
  };
}

function unshrunk(
  target: string,
  seed: number,
  error: string,
  input: string,
): Finding {
  return { target, seed, path: "", error, input };
}

function mebibytes({ peakBytes }: Progress): number {
  return Math.round(peakBytes / 2 ** 20);
}

/** Runs a process to its end, or to that of the patience with it. */
async function watch(
  work: Work,
): Promise<{ last: Progress; ended: "done" | "hangs" | "died" }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-all",
      "--quiet",
      "--v8-flags=--max-old-space-size=1024",
      fileURLToPath(new URL("process.ts", import.meta.url)),
      JSON.stringify(work),
    ],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  let last: Progress = {
    seed: work.seed,
    cases: 0,
    busyMs: 0,
    peakBytes: 0,
    finding: null,
  };
  let silent = false;
  const giveUp = () => {
    silent = true;
    child.kill("SIGKILL");
  };
  let timer = setTimeout(giveUp, maxSilenceMs);
  const lines = child.stdout.pipeThrough(new TextDecoderStream());
  let rest = "";
  for await (const text of lines) {
    clearTimeout(timer);
    timer = setTimeout(giveUp, maxSilenceMs);
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    if (parts.length > 0) last = JSON.parse(parts[parts.length - 1]);
  }
  clearTimeout(timer);
  const { success } = await child.status;
  return { last, ended: silent ? "hangs" : success ? "done" : "died" };
}

async function writeFinding(finding: Finding, folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const file = `${folder}/${finding.target}-${finding.seed}.json`;
  await Deno.writeTextFile(file, JSON.stringify(finding, null, 1) + "\n");
  console.error(`${finding.target}: ${finding.error}\nwritten to ${file}`);
}

function tableOf(rows: Row[]): string {
  const total = rows.reduce((sum, { cases }) => sum + cases, 0);
  return table(["target", "cases", "findings", "cases/s", "peak MiB"], [
    ...rows.map((row) => [
      row.target,
      row.cases,
      row.finding ? 1 : 0,
      row.casesPerSecond,
      row.peakMebibytes,
    ]),
    ["in all", total, "", "", ""],
  ], { right: [1, 2, 3, 4] });
}

function integer(option: string, text?: string): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new RangeError(
    `Cannot use ${option}: expected an integer, got ${text}`,
  );
}

function positive(option: string, text?: string): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new RangeError(
    `Cannot use ${option}: expected a number above 0, got ${text}`,
  );
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    console.error(`error: ${(error as Error).message}`);
    Deno.exit(2);
  }
}
