/**
 * Open against sealed inferences over lines of some rate and delay, measured, beside what
 * `cipherlayer plan --line-mbit` says of them; JSON with --json.
 *
 * @module
 */
import { Command } from "commander";
import { planReport } from "../../cli/commands/plan.ts";
import { readScriptArguments } from "../../cli/commands/program.ts";
import { wholeNumber } from "../../cli/commands/command.ts";
import { nameMachine } from "../../cli/output/machine.ts";
import { table } from "../../cli/output/table.ts";
import { readPackage } from "../../models/package/read_package.ts";
import { openChecked } from "../shared/checked_session.ts";
import { startFunctions, zooFolder } from "../shared/functions_process.ts";
import { median } from "../shared/harness.ts";
import { type BenchKeyBits, parseBenchKeyBits } from "../shared/keys.ts";
import { openLine } from "./throttled_line.ts";

/** Packages of the zoo that stand beside each other: open, and sealed ones. */
const models: Record<string, string[]> = {
  occupancy: ["occupancy/package", "occupancy-sealed"],
  appliance: ["appliance/package", "appliance-sealed"],
  "meter-digits": ["meter-digits/package", "meter-digits-pool-first-sealed"],
  "lenet-mnist": [
    "lenet-mnist/package",
    "lenet-mnist-sealed",
    "lenet-mnist-pool-first-sealed",
  ],
};

const command = new Command("bench/lines/main.ts")
  .description("Open against sealed inferences over lines, measured.")
  .option("--key-bits <n>", "bits of the key", parseBenchKeyBits, 2048)
  .option("--turns <n>", "measured inferences", wholeNumber(1), 3)
  .option("--round-trip-ms <n>", "of the lines", wholeNumber(0), 20)
  .option("--model <name>", "one of them alone")
  .option("--json", "print JSON");
const { keyBits, turns, roundTripMs, model: only, json } = readScriptArguments(
  command,
);
const bits: BenchKeyBits = keyBits;
const rates = [20, 100];

/** One package over one line. */
interface Row {
  package: string;
  mbit: number;
  bytesUp: number;
  bytesDown: number;
  /** Whole inferences, in milliseconds. */
  medianMs: number;
  leastMs: number;
  /** As `cipherlayer plan` says. */
  forecastMs: number;
}

async function measure(folder: string): Promise<Row[]> {
  const path = `${zooFolder}/${folder}`;
  const model = await readPackage(path);
  await using functions = await startFunctions({
    models: path,
    environment: {
      CIPHERLAYER_BUDGET_PER_MODEL_DAY: "unlimited",
      CIPHERLAYER_SEALED_MS_PER_MINUTE: "unlimited",
      CIPHERLAYER_SEALED_BYTES_PER_MINUTE: "unlimited",
    },
  });
  const rows: Row[] = [];
  for (const mbit of rates) {
    using line = await openLine({ port: functions.port, mbit, roundTripMs });
    await using checked = await openChecked({ url: line.url, model, bits });
    const first = await checked.infer(), times: number[] = [];
    for (let turn = 0; turn < turns; turn++) {
      times.push((await checked.infer()).totalMs);
    }
    const forecast = await planReport(path, {
      keyBits: bits,
      samples: 1,
      lineMbit: mbit,
      roundTripMs,
    });
    const { totalMs } = "sealed" in forecast
      ? forecast.sealed.total
      : forecast.total;
    rows.push({
      package: model.manifest.name,
      mbit,
      bytesUp: first.bytesUp,
      bytesDown: first.bytesDown,
      medianMs: median(times),
      leastMs: Math.min(...times),
      forecastMs: totalMs,
    });
  }
  return rows;
}

const rows: Row[] = [];
for (const [name, folders] of Object.entries(models)) {
  if (only !== undefined && only !== name) continue;
  for (const folder of folders) rows.push(...await measure(folder));
}
if (json) {
  console.log(JSON.stringify({ machine: nameMachine(), keyBits, rows }));
} else {
  console.log(table(
    ["package", "Mbit/s", "kB up", "kB down", "median s", "least s", "plan s"],
    rows.map((row) => [
      row.package,
      row.mbit,
      Math.round(row.bytesUp / 1000),
      Math.round(row.bytesDown / 1000),
      (row.medianMs / 1000).toFixed(2),
      (row.leastMs / 1000).toFixed(2),
      (row.forecastMs / 1000).toFixed(2),
    ]),
  ));
}
