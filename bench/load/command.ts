/** What `load` and `faults` share: options, progress, the report as text. */
import { parseArgs } from "node:util";
import type { LoadOptions, LoadReport } from "./run_load.ts";

export const sharedUsage =
  `  --gateways N             sessions, each with a key of its own (default 12)
  --processes P            processes of the functions behind one port (default 2)
  --threads T              threads of each process (default 1)
  --clients C              processes of gateways (default 2)
  --minutes M              from the first reading on (default 1)
  --interval-ms I          mean time between readings of a gateway, as a Poisson
                           process; 0: the next as soon as the last is answered (default 0)
  --models A,B             of the zoo, in turn; NAME-scores reveals exact scores
  --insecure-key-bits B    keys that protect nothing: for quick runs (default: 2048 bits)
  --seed S                 decides readings and faults (default 1)
  --json                   one JSON object on standard output
  --help                   this text`;

const zooModels = ["occupancy", "meter-digits", "lenet-mnist", "appliance"];
const defaultModels =
  "occupancy,occupancy-scores,meter-digits,meter-digits-scores,lenet-mnist";

export interface LoadArguments {
  options: LoadOptions;
  json: boolean;
}

/**
 * Reads the options of the command line; null where help was asked for.
 *
 * @throws {TypeError} on options that there are not
 * @throws {RangeError} on values out of range
 */
export function loadArguments(
  args: string[],
  defaults: Pick<LoadOptions, "timeoutMs" | "replayShare">,
): LoadArguments | null {
  const { values } = parseArgs({
    args,
    options: {
      gateways: { type: "string", default: "12" },
      processes: { type: "string", default: "2" },
      threads: { type: "string", default: "1" },
      clients: { type: "string", default: "2" },
      minutes: { type: "string", default: "1" },
      "interval-ms": { type: "string", default: "0" },
      models: { type: "string", default: defaultModels },
      "insecure-key-bits": { type: "string" },
      seed: { type: "string", default: "1" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return null;
  const insecureBits = values["insecure-key-bits"];
  const started = performance.now();
  return {
    json: values.json,
    options: {
      ...defaults,
      gateways: whole("gateways", values.gateways, 1),
      processes: whole("processes", values.processes, 1),
      threads: whole("threads", values.threads, 1),
      clients: Math.min(
        whole("clients", values.clients, 1),
        whole("gateways", values.gateways, 1),
      ),
      minutes: atLeast("minutes", Number(values.minutes), 0.01),
      models: values.models.split(",").map(known),
      keyBits: insecureBits === undefined
        ? 2048
        : whole("insecure-key-bits", insecureBits, 512),
      insecure: insecureBits !== undefined,
      intervalMs: whole("interval-ms", values["interval-ms"], 0),
      seed: whole("seed", values.seed, 0),
      progress: (message) => {
        const seconds = Math.round((performance.now() - started) / 1000);
        console.error(`${String(seconds).padStart(4)} s  ${message}`);
      },
    },
  };
}

function known(model: string): string {
  if (zooModels.includes(model.replace(/-scores$/, ""))) return model;
  throw new RangeError(
    `Cannot read --models: expected some of ${
      zooModels.join(", ")
    }, each with or without "-scores", got ${model}`,
  );
}

function whole(name: string, text: string, min: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) {
    throw new RangeError(
      `Cannot read --${name}: expected a whole number, got ${text}`,
    );
  }
  return atLeast(name, value, min);
}

function atLeast(name: string, value: number, min: number): number {
  if (value >= min) return value;
  throw new RangeError(
    `Cannot read --${name}: expected ${min} or more, got ${value}`,
  );
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
      `${machine.cpu}, ${machine.cores} cores, ${machine.os}, Deno ${machine.deno}, load before ${machine.load}`,
    ],
    [
      "run",
      `${report.startedAt}, ${
        report.seconds.toFixed(0)
      } s, ${report.gateways} gateways, ${report.processes.length} processes, seed ${report.seed}${mark}`,
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
 * Runs a command to its exit code: 0, 1 where an inference was wrong or lost, 2 for
 * options that make no sense.
 */
export async function runCommand(
  usage: string,
  defaults: Pick<LoadOptions, "timeoutMs" | "replayShare">,
  run: (options: LoadOptions) => Promise<LoadReport>,
): Promise<number> {
  let parsed: LoadArguments | null;
  try {
    parsed = loadArguments(Deno.args, defaults);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    return 2;
  }
  if (parsed === null) {
    console.log(usage);
    return 0;
  }
  const report = await run(parsed.options);
  console.log(parsed.json ? JSON.stringify(report) : formatLoad(report));
  const spoiled = report.wrong + report.lost + report.replaysDiffering;
  return spoiled > 0 ? 1 : 0;
}
