/**
 * The planner's prediction beside a run. Calibrations and runs take turns,
 * so that both see the same machine; medians are compared, round by round.
 *
 * @module
 */
import { dirname } from "node:path";
import { Command } from "commander";
import { wholeNumber } from "../../cli/commands/command.ts";
import { readScriptArguments } from "../../cli/commands/program.ts";
import { calibrateCosts } from "../../models/planner/machine_costs.ts";
import { table } from "../../cli/output/table.ts";
import { forecastInference } from "../../models/planner/forecast.ts";
import { readPackage } from "../../models/package/read_package.ts";
import type { RoundReport } from "../../sdk/session/events.ts";
import { openChecked } from "../shared/checked_session.ts";
import { lenetFolder, startFunctions } from "../shared/functions_process.ts";
import { median } from "../shared/harness.ts";
import { type BenchKeyBits, parseBenchKeyBits } from "../shared/keys.ts";

const command = new Command("bench/single/plan_check.ts")
  .description("The planner's prediction beside a run.")
  .argument("[package]", "folder of a package (default: LeNet)")
  .option("--key-bits <n>", "bits of the key", parseBenchKeyBits, 2048)
  .option("--samples <n>", "samples of an inference", wholeNumber(1), 1)
  .option("--turns <n>", "calibrations and runs", wholeNumber(1), 5);
const { keyBits, samples, turns } = readScriptArguments(command);
const bits: BenchKeyBits = keyBits;
const [folder = lenetFolder] = command.args;

const parts = ["encryptMs", "evaluateMs", "decryptMs", "totalMs"] as const;
const model = await readPackage(folder);
const predictions: number[][][] = [];
const runs: number[][][] = [];
let names: string[] = [];
{
  await using functions = await startFunctions({
    models: dirname(folder).replace(new RegExp(`/${model.manifest.name}$`), ""),
  });
  const { url } = functions;
  await using checked = await openChecked({ url, model, bits, samples });
  const pick = (report: Pick<RoundReport, typeof parts[number]>) =>
    parts.map((part) => report[part]);
  await checked.infer();
  for (let turn = 0; turn < turns; turn++) {
    const costs = await calibrateCosts(bits);
    const { rounds } = forecastInference(model, {
      modulusBits: bits,
      samples,
      costs,
      maxRejected: 0,
    });
    names = rounds.map(({ name }) => name);
    predictions.push(rounds.map(({ chosen }) => pick(chosen.forecast)));
    runs.push((await checked.infer()).rounds.map(pick));
  }
}

const medians = (all: number[][][], round: number, part: number) =>
  median(all.map((turn) => turn[round][part]));
const rows = names.map((name, round) => [
  name,
  ...parts.flatMap((_, part) => [
    Math.round(medians(predictions, round, part)),
    Math.round(medians(runs, round, part)),
  ]),
  Number(
    (medians(predictions, round, parts.length - 1) /
      medians(runs, round, parts.length - 1)).toFixed(2),
  ),
]);
const total = (all: number[][][]) =>
  median(
    all.map((turn) =>
      turn.reduce((sum, round) => sum + round[parts.length - 1], 0)
    ),
  );
const predicted = total(predictions), measured = total(runs);
console.log(table(
  ["round", ...parts.flatMap((part) => [part, "run"]), "predicted / run"],
  rows,
));
console.log(
  `\ntotal: predicted ${Math.round(predicted)} ms, run ${
    Math.round(measured)
  } ms, ratio ${(predicted / measured).toFixed(2)}`,
);
