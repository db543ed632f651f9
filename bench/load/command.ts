/**
 * What `load` and `faults` share: options, progress, the report as text.
 *
 * @module
 */
import { type Command, InvalidArgumentError } from "commander";
import {
  numberFrom,
  parseArguments,
  print,
  wholeNumber,
} from "../../cli/commands/command.ts";
import { heavyModel, type LoadOptions, type LoadReport } from "./run_load.ts";

const zooModels = ["occupancy", "meter-digits", "lenet-mnist", "appliance"];
const defaultModels =
  "occupancy,occupancy-scores,meter-digits,meter-digits-scores,lenet-mnist";

/** Adds the options, and reads them. */
function readOptions(command: Command, args: string[]) {
  command
    .option(
      "--gateways <n>",
      "sessions, each with a separate key",
      wholeNumber(1),
      12,
    )
    .option(
      "--processes <p>",
      "processes of the functions behind one port",
      wholeNumber(1),
      2,
    )
    .option("--threads <t>", "threads of each process", wholeNumber(1), 1)
    .option("--clients <c>", "processes of gateways", wholeNumber(1), 2)
    .option(
      "--minutes <m>",
      "from the first reading on",
      numberFrom(0.01),
      1,
    )
    .option(
      "--interval-ms <i>",
      "mean time between readings of a gateway, as a Poisson process; 0: the next as soon as the last is answered",
      wholeNumber(0),
      0,
    )
    .option(
      "--keys <k>",
      "keys of each gateway, which take turns",
      wholeNumber(1),
      1,
    )
    .option(
      "--copies <c>",
      "names under which each model is served, in turn",
      wholeNumber(1),
      1,
    )
    .option(
      "--heavy <h>",
      `gateways beside the others that ask ${heavyModel} without a pause`,
      wholeNumber(0),
      0,
    )
    .option(
      "--models <names>",
      "of the zoo, in turn, joined by commas; NAME-scores reveals exact scores",
      parseModels,
      parseModels(defaultModels),
    )
    .option(
      "--insecure-key-bits <b>",
      "keys that protect nothing: for quick runs (default: 2048 bits)",
      wholeNumber(512),
    )
    .option("--seed <s>", "decides readings and faults", wholeNumber(0), 1)
    .option("--json", "print one JSON object", false);
  return parseArguments(command, args);
}

function parseModels(text: string): string[] {
  const models = text.split(",");
  for (const model of models) {
    if (zooModels.includes(model.replace(/-scores$/, ""))) continue;
    throw new InvalidArgumentError(
      `Expected some of ${
        zooModels.join(", ")
      }, each with or without "-scores", got ${model}.`,
    );
  }
  return models;
}

/** The report for people. */
export function formatLoad(report: LoadReport): string {
  const { machine } = report;
  const mark = report.insecure
    ? ` [INSECURE ${report.keyBits}-bit keys: figures of a toy, not for real data]`
    : "";
  const names = (counts: Record<string, number>) =>
    Object.entries(counts).map(([name, value]) => `${name} ${value}`)
      .join(", ") || "none";
  const megabytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
  const ms = (latency: LoadReport["latencyMs"]) =>
    latency === null
      ? "no right answer"
      : `p50 ${latency.p50.toFixed(0)}, p90 ${latency.p90.toFixed(0)}, p99 ${
        latency.p99.toFixed(0)
      }, max ${latency.max.toFixed(0)} ms`;
  const lines: [string, string][] = [
    [
      "machine",
      `${machine.cpu}, ${machine.cores} cores, ${machine.os}, ${machine.runtime}, load before ${machine.load}`,
    ],
    [
      "run",
      `${report.startedAt}, ${
        report.seconds.toFixed(0)
      } s, ${report.gateways} gateways of ${report.keys} keys and ${report.heavy} heavy ones, ${report.copies} names a model, ${report.processes.length} processes on ${report.state}, seed ${report.seed}${mark}`,
    ],
    [
      "inferences",
      `${report.inferences}: right ${report.right}, wrong ${report.wrong}, lost ${report.lost}, refused: ${
        names(report.refused)
      }`,
    ],
    ["right a second", report.perSecond.toFixed(2)],
    ["latency", ms(report.latencyMs)],
    ...Object.entries(report.latencyMsOf).map((
      [name, latency],
    ): [string, string] => [`  ${name}`, ms(latency)]),
    ["retries", names(report.retries)],
    [
      "sent twice",
      `${report.replays} requests, answered with other bytes: ${report.replaysDiffering}`,
    ],
    ["faults", names(report.faults)],
    [
      "bytes",
      `${megabytes(report.bytesUp)} MiB up, ${
        megabytes(report.bytesDown)
      } MiB down`,
    ],
    ...report.processes.map((figures, i): [string, string] => [
      `process ${i}`,
      `${figures.starts} starts, peak ${megabytes(figures.peakBytes)} MiB, ${
        figures.cpuSeconds.toFixed(0)
      } s of CPU`,
    ]),
    ["gateways' process", `peak ${megabytes(report.clientPeakBytes)} MiB`],
  ];
  const width = Math.max(...lines.map(([name]) => name.length));
  return lines.map(([name, text]) => `${name.padEnd(width)}  ${text}`)
    .join("\n");
}

/**
 * Runs a load to its exit code: 0, or 1 where an inference was wrong or lost.
 *
 * @throws {UsageError} for options that make no sense
 */
export async function runCommand(
  command: Command,
  defaults: Pick<LoadOptions, "timeoutMs" | "replayShare">,
  run: (options: LoadOptions) => Promise<LoadReport>,
): Promise<number> {
  const { json, insecureKeyBits, ...values } = readOptions(command, Deno.args);
  const started = performance.now();
  const report = await run({
    ...defaults,
    gateways: values.gateways,
    processes: values.processes,
    threads: values.threads,
    clients: Math.min(values.clients, values.gateways),
    keys: values.keys,
    copies: values.copies,
    heavy: values.heavy,
    state: values.state,
    minutes: values.minutes,
    models: values.models,
    keyBits: insecureKeyBits ?? 2048,
    insecure: insecureKeyBits !== undefined,
    intervalMs: values.intervalMs,
    seed: values.seed,
    progress: (message) => {
      const seconds = Math.round((performance.now() - started) / 1000);
      console.error(`${String(seconds).padStart(4)} s  ${message}`);
    },
  });
  print(json, report, () => formatLoad(report));
  const spoiled = report.wrong + report.lost + report.replaysDiffering;
  return spoiled > 0 ? 1 : 0;
}
