/**
 * `cipherlayer plan`: what an inference will cost, and what was weighed.
 *
 * @module
 */
import { Command } from "commander";
import { selectKernel } from "../../sdk/paillier/public/select_kernel.ts";
import { maxShards } from "../../sdk/wire/limits.ts";
import { calibrateCosts } from "../../models/planner/machine_costs.ts";
import { type Costs, defaultCosts } from "../../models/planner/cost_model.ts";
import {
  forecastInference,
  type InferenceForecast,
  type PlannedRound,
} from "../../models/planner/forecast.ts";
import {
  forecastSealed,
  type SealedForecast,
} from "../../models/planner/sealed_forecast.ts";
import { print, wholeNumber } from "./command.ts";
import { keyMark, minSecureBits } from "./encrypted.ts";
import { openPackage, packageArgument } from "./model_argument.ts";
import {
  type NeededForCopy,
  neededForCopy,
  sealedMeaning,
} from "../output/sealed_meaning.ts";
import { sealedTable } from "../output/sealed_plan.ts";
import { table } from "../output/table.ts";

/** What `plan --json` prints. */
export interface PlanReport {
  model: string;
  version: string;
  keyBits: number;
  /** Smaller than any key should be that guards data. */
  insecure: boolean;
  samples: number;
  kernel: string;
  costs: Costs;
  /** Whether the costs were measured on this machine just now; else the committed ones. */
  measured: boolean;
}

/** Of a model that is not sealed. */
export interface OpenPlanReport extends PlanReport {
  rounds: PlannedRound[];
  /** With a pool that holds all randomisers. */
  total: InferenceForecast;
  /** The same with an empty pool. */
  emptyPoolMs: number;
}

/** Of a sealed one. */
export interface SealedPlanReport extends PlanReport {
  sealed: SealedForecast;
  labelsNeeded: NeededForCopy;
}

const maxRejected = 3;

/** `cipherlayer plan`: what an inference costs. */
export function planCommand(): Command {
  return new Command("plan")
    .summary("predict the cost of an inference")
    .description(
      "Prints counts, bytes, memory and predicted time of each round, and the packings that were rejected. Times follow from committed costs (2048-bit products of 1.9 us and so on), the same on every machine, unless this one is measured.",
    )
    .argument("<package>", packageArgument)
    .option("--key-bits <n>", "bits of the key", wholeNumber(512), 2048)
    .option("--samples <n>", "samples per inference", wholeNumber(1), 1)
    .option(
      "--max-ms-per-call <ms>",
      "split rounds as functions with this CIPHERLAYER_MAX_MS_PER_CALL do",
      wholeNumber(1),
    )
    .option("--measure", "measure this machine for a second")
    .option(
      "--line-mbit <rate>",
      "megabits a second between gateway and functions (default: 80)",
      wholeNumber(1),
    )
    .option(
      "--round-trip-ms <n>",
      "of the line, for every call (default: 0)",
      wholeNumber(0),
    )
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      `
Examples:
  cipherlayer plan package --key-bits 3072 --samples 16
  cipherlayer plan package --max-ms-per-call 20
  cipherlayer plan sealed-package --line-mbit 50 --round-trip-ms 20`,
    )
    .action(async (
      folder: string,
      options: PlanReportOptions & { json?: boolean },
    ) => {
      const report = await planReport(folder, options);
      print(
        options.json ?? false,
        report,
        () => "sealed" in report ? formatSealed(report) : formatPlan(report),
      );
    });
}

export interface PlanReportOptions {
  keyBits: number;
  samples: number;
  /** Measure this machine instead of taking the committed costs. */
  measure?: boolean;
  /** Predicted milliseconds of a call at most; unlimited by default. */
  maxMsPerCall?: number;
  /** Megabits a second of the line; the committed cost of a byte by default. */
  lineMbit?: number;
  /** Milliseconds there and back on the line, of every call; 0 by default. */
  roundTripMs?: number;
}

/** Plans the model in `folder` and prices the plan. */
export async function planReport(
  folder: string,
  {
    keyBits,
    samples,
    measure = false,
    maxMsPerCall,
    lineMbit,
    roundTripMs = 0,
  }: PlanReportOptions,
): Promise<OpenPlanReport | SealedPlanReport> {
  const model = await openPackage(folder);
  const machine = measure
    ? await calibrateCosts(keyBits)
    : defaultCosts(keyBits);
  const costs = {
    ...machine,
    callMs: machine.callMs + roundTripMs,
    byteMs: lineMbit === undefined ? machine.byteMs : 8 / (1000 * lineMbit),
  };
  const { name, version, privacy } = model.manifest;
  const report = {
    model: name,
    version,
    keyBits,
    insecure: keyBits < minSecureBits,
    samples,
    kernel: selectKernel().name,
    costs,
    measured: measure,
  };
  if (privacy === "sealed") {
    const options = { modulusBits: keyBits, samples, costs };
    const sealed = forecastSealed(model, options);
    return { ...report, sealed, labelsNeeded: neededForCopy(model) };
  }
  const forecast = forecastInference(model, {
    modulusBits: keyBits,
    samples,
    costs,
    maxRejected,
    callLimits: maxMsPerCall === undefined ? undefined : {
      maxMillisecondsPerCall: maxMsPerCall,
      shards: maxShards,
    },
  });
  const { totalMs, ciphertextsUp } = forecast.total;
  return {
    ...report,
    ...forecast,
    emptyPoolMs: totalMs + ciphertextsUp * costs.randomiserMs,
  };
}

function formatSealed(report: SealedPlanReport): string {
  const { sealed, labelsNeeded } = report;
  return [
    ...heading(report),
    sealedMeaning(labelsNeeded),
    "",
    sealedTable(sealed),
  ].join("\n");
}

function heading(report: PlanReport): string[] {
  const { costs, samples } = report;
  return [
    `${report.model} ${report.version}, ${report.keyBits}-bit key, samples per inference: ${samples}${
      keyMark(report.keyBits)
    }`,
    `${
      report.measured
        ? `this machine (kernel ${report.kernel})`
        : "committed costs (--measure for this machine's)"
    }: encrypt ${microseconds(costs.encryptMs)} from the pool, decrypt ${
      microseconds(costs.decryptMs)
    }, product ${microseconds(costs.multiplyMs)}, square ${
      microseconds(costs.squareMs)
    }`,
  ];
}

function formatPlan(report: OpenPlanReport): string {
  const { rounds, total, samples } = report;
  const seconds = total.totalMs / 1000;
  const megabytes = (total.bytesUp + total.bytesDown) / 1e6;
  return [
    ...heading(report),
    "",
    chosenTable(rounds, total),
    "",
    `predicted: ${significant(seconds)} s an inference (${
      significant(report.emptyPoolMs / 1000)
    } s with an empty pool), ${
      significant(samples / seconds)
    } samples a second, ${significant(megabytes)} MB on the wire`,
    "up, down: ciphertexts; products: of one call; MB: memory of one call, about",
    "",
    "rejected; each round's total ms by the committed costs, which all instances plan with, is what is minimised:",
    rejectedTable(rounds),
  ].join("\n");
}

function chosenTable(
  rounds: readonly PlannedRound[],
  total: InferenceForecast,
): string {
  const header = [
    "round",
    "packing",
    "shards",
    "up",
    "down",
    "kB up",
    "kB down",
    "products",
    "MB",
    "encrypt ms",
    "transfer",
    "evaluate",
    "decrypt",
    "total ms",
  ];
  const rows = rounds.map(({ name, chosen }) => {
    const { forecast, packing, memoryBytes } = chosen;
    const { multiplications, squarings } = forecast.products;
    return [
      name,
      packing,
      forecast.shards,
      ...sizes(forecast),
      Math.round(multiplications + squarings),
      Math.round(memoryBytes / 1e5) / 10,
      ...times(forecast),
    ];
  });
  const sum = (column: number) =>
    rows.reduce((total, row) => total + (row[column] as number), 0);
  const calls = sum(header.indexOf("shards"));
  const products = sum(header.indexOf("products"));
  const memory = Math.max(
    ...rows.map((row) => row[header.indexOf("MB")] as number),
  );
  rows.push([
    "total",
    "",
    calls,
    ...sizes(total),
    products,
    memory,
    ...times(total),
  ]);
  return table(header, rows);
}

function rejectedTable(rounds: readonly PlannedRound[]): string {
  const rows = rounds.flatMap(({ name, chosen, rejected }) =>
    rejected.map(({ packing, forecast }) => [
      name,
      packing,
      forecast.ciphertextsUp,
      forecast.ciphertextsDown,
      Math.round(forecast.totalMs),
      Math.round(100 * (forecast.totalMs / chosen.forecast.totalMs - 1)),
    ])
  );
  return table(
    ["round", "packing", "up", "down", "total ms", "% slower"],
    rows,
  );
}

function sizes(forecast: InferenceForecast): number[] {
  return [
    forecast.ciphertextsUp,
    forecast.ciphertextsDown,
    Math.round(forecast.bytesUp / 1000),
    Math.round(forecast.bytesDown / 1000),
  ];
}

function times(forecast: InferenceForecast): number[] {
  return [
    forecast.encryptMs,
    forecast.transferMs,
    forecast.evaluateMs,
    forecast.decryptMs,
    forecast.totalMs,
  ].map(Math.round);
}

function microseconds(ms: number): string {
  return `${significant(1000 * ms)} us`;
}

function significant(value: number): string {
  return value.toLocaleString("en-US", { maximumSignificantDigits: 3 });
}
