/**
 * `deno task paper`: the paper's tables and figures, measured on this machine and
 * written to `docs/evaluation.md`. Figures and page are drawn from `docs/data` alone,
 * so that a stage can be measured again without the others.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { Command, CommanderError } from "commander";
import { nameMachine } from "../../cli/output/machine.ts";
import { Archive, type Provenance } from "./archive.ts";
import { accuracyStage } from "./measure/accuracy.ts";
import { attacksStage } from "./measure/attacks.ts";
import { batchStage } from "./measure/batch.ts";
import { encryptedStage } from "./measure/encrypted.ts";
import { gatewayStage } from "./measure/gateway.ts";
import { keyLengthsStage } from "./measure/key_lengths.ts";
import { layersStage } from "./measure/layers.ts";
import { oneSampleStage } from "./measure/one_sample.ts";
import { picturesStage } from "./measure/pictures.ts";
import { residualStage } from "./measure/residual.ts";
import { writePage } from "./render/page.ts";
import { Skipped, type Stage } from "./stage.ts";
import type { Row } from "./table.ts";

/** In the order in which they are measured: what is quick to fail comes first. */
export const stages: readonly Stage[] = [
  encryptedStage,
  picturesStage,
  oneSampleStage,
  keyLengthsStage,
  layersStage,
  batchStage,
  gatewayStage,
  residualStage,
  attacksStage,
  accuracyStage,
];

interface Options {
  quick?: boolean;
  only?: string[];
  render?: boolean;
  resume?: boolean;
  state: string[];
  data: string;
  out: string;
  json?: boolean;
}

interface Outcome {
  stage: string;
  seconds: number;
  /** Rows by table. */
  tables: Record<string, number>;
  skipped: string | null;
  error: string | null;
}

const root = fileURLToPath(new URL("../../", import.meta.url));

const collect = (value: string, earlier: string[] = []) => [...earlier, value];

/** @returns the exit code: 1 where a stage failed, 2 on misuse */
export async function runPaper(args: string[]): Promise<number> {
  let code = 0;
  const command = new Command("paper")
    .description(
      "Measures the paper's tables and figures on this machine, keeps the figures as CSV and writes the page.",
    )
    .option("--quick", "few turns and small inputs: to develop, not to quote")
    .option("--only <name>", "only this stage; may be repeated", collect)
    .option("--render", "measure nothing: draw the page from its tables")
    .option("--resume", "leave out stages measured in full on this machine")
    .option(
      "--state <file>",
      "state of `cipherlayer accuracy --encrypted`, for the stage encrypted; may be repeated",
      collect,
      [],
    )
    .option("--data <folder>", "test sets", `${root}../shared/data`)
    .option("--out <folder>", "folder of the page", `${root}docs`)
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      `
Stages:
${stages.map(({ name, about }) => `  ${name.padEnd(12)} ${about}`).join("\n")}

Examples:
  deno task paper
  deno task paper --quick --only pictures
  deno task paper --only encrypted --state mnist-512.jsonl
  deno task paper --render`,
    )
    .action(async (options: Options) => {
      code = await paper(options);
    })
    .exitOverride();
  try {
    await command.parseAsync(args, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
}

async function paper(options: Options): Promise<number> {
  const unknown = options.only?.find((name) =>
    stages.every((stage) => stage.name !== name)
  );
  if (unknown !== undefined) {
    console.error(
      `Cannot measure ${unknown}: expected one of ${
        stages.map(({ name }) => name).join(", ")
      }`,
    );
    return 2;
  }
  const archive = new Archive(`${options.out}/data`);
  const selected = options.render
    ? []
    : stages.filter(({ name }) => options.only?.includes(name) ?? true);
  const started = performance.now();
  const progress = (message: string) => {
    const seconds = Math.round((performance.now() - started) / 1000);
    console.error(`${String(seconds).padStart(4)} s  ${message}`);
  };
  const machine = await archive.machineId(nameMachine());
  const outcomes: Outcome[] = [];
  for (const stage of selected) {
    if (options.resume && await isDone(stage, archive, machine)) {
      progress(`${stage.name}: measured before`);
      continue;
    }
    const outcome = await measure(stage, {
      archive,
      machine,
      options,
      progress,
    });
    outcomes.push(outcome);
    progress(
      `${stage.name}: ${
        outcome.error ?? outcome.skipped ?? `${outcome.seconds.toFixed(0)} s`
      }`,
    );
  }
  const page = await writePage(archive, options.out);
  if (options.json) {
    console.log(JSON.stringify({ machine, stages: outcomes, ...page }));
  } else {
    console.log(`${page.page}: ${page.figures.length} figures`);
  }
  return outcomes.some(({ error }) => error !== null) ? 1 : 0;
}

async function measure(
  stage: Stage,
  { archive, machine, options, progress }: {
    archive: Archive;
    machine: string;
    options: Options;
    progress: (message: string) => void;
  },
): Promise<Outcome> {
  const { quick = false, data, state } = options;
  const provenance: Provenance = {
    machine,
    load: Number(Deno.loadavg()[0].toFixed(2)),
    measuredAt: `${new Date().toISOString().slice(0, 16)}Z`,
    command: `deno task paper${quick ? " --quick" : ""} --only ${stage.name}`,
    quick,
  };
  const outcome: Outcome = {
    stage: stage.name,
    seconds: 0,
    tables: {},
    skipped: null,
    error: null,
  };
  const started = performance.now();
  try {
    const tables = await stage.measure({
      quick,
      dataFolder: data,
      stateFiles: state,
      progress: (message) => progress(`${stage.name}: ${message}`),
      machineId: (description) => archive.machineId(description),
    });
    for (const [name, rows] of Object.entries(tables)) {
      await archive.write(
        name,
        stage.tellsProvenance
          ? rows
          : rows.map((row) => ({ ...row, ...insecure(row), ...provenance })),
      );
      outcome.tables[name] = rows.length;
    }
  } catch (error) {
    // One stage less, and the others still: a long run is not lost.
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof Skipped) outcome.skipped = message;
    else outcome.error = message;
  }
  outcome.seconds = (performance.now() - started) / 1000;
  return outcome;
}

/** Keys below 2048 bits protect nothing: every figure made with one says so. */
const insecure = ({ keyBits }: Row): Row =>
  typeof keyBits === "number" ? { insecure: keyBits < 2048 } : {};

async function isDone(
  stage: Stage,
  archive: Archive,
  machine: string,
): Promise<boolean> {
  const tables = await Promise.all(
    stage.tables.map((name) => archive.read<Provenance>(name)),
  );
  return !stage.tellsProvenance && tables.every((rows) =>
    rows !== null &&
    rows.every((row) => row.machine === machine && !row.quick)
  );
}

if (import.meta.main) Deno.exit(await runPaper(Deno.args));
