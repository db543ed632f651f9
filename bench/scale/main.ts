/**
 * What thousands to millions of gateways would take: `bench/scale/simulate.ts` run
 * for powers of ten, as a table, JSON or figures; or beside a measured load.
 */
import { parseArgs } from "node:util";
import { grouped } from "../../cli/output/numbers.ts";
import { markdownTable } from "../paper/render/markdown.ts";
import { quantile } from "../shared/harness.ts";
import type { LoadReport } from "../load/run_load.ts";
import type { Costs } from "./costs.ts";
import { type Day, quotedPrices, simulateDay } from "./day.ts";
import { scaleFigures } from "./figures.ts";
import { limits } from "./limits.ts";
import { type Scenario, simulate } from "./simulate.ts";

const usage = `usage: deno run -A bench/scale/main.ts [options]

  --costs FILE           measured costs (default bench/scale/costs.json)
  --interval-minutes T   mean time between readings of a gateway (default 60)
  --day-swing S          0 none, 0.6 from 0.4 to 1.6 times the mean (default 0.6)
  --concurrency C        calls that an instance takes at once (default 4)
  --idle-seconds I       an idle instance is stopped after this time (default 300)
  --bank-mib B           memory of an instance for tables of keys (default 192)
  --shards K             parts of every round (default: as planned)
  --edge-factor F        how many times slower the gateway's processor is (default 1)
  --round-trip-ms R      (default 40)
  --line-mbit L          of the gateway's line (default 20)
  --vcpu-second P, --gib-second P, --million-calls P, --egress-gb P
                         prices in dollars (default: quoted, docs/scale.md)
  --memory-gib G         of an instance, billed (default 1)
  --seed S               (default 1)
  --figures FOLDER       writes SVG figures there
  --validate FILE        simulates the run of a "bench/load/load.ts --json" report instead
  --json                 one JSON object on standard output
  --help                 this text

example: deno run -A bench/scale/main.ts --interval-minutes 15 --json`;

const sizes = [1e3, 1e4, 1e5, 1e6, 1e7];
/** Embedded Deno KV, one process writing (docs/scale.md). */
const localWritesPerSecond = 170;

interface Run {
  routing: Scenario["routing"];
  days: Day[];
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      costs: { type: "string" },
      "interval-minutes": { type: "string", default: "60" },
      "day-swing": { type: "string", default: "0.6" },
      concurrency: { type: "string", default: "4" },
      "idle-seconds": { type: "string", default: "300" },
      "bank-mib": { type: "string", default: "192" },
      shards: { type: "string" },
      "edge-factor": { type: "string", default: "1" },
      "round-trip-ms": { type: "string", default: "40" },
      "line-mbit": { type: "string", default: "20" },
      "vcpu-second": { type: "string", default: `${quotedPrices.vcpuSecond}` },
      "gib-second": { type: "string", default: `${quotedPrices.gibSecond}` },
      "million-calls": {
        type: "string",
        default: `${quotedPrices.millionCalls}`,
      },
      "egress-gb": { type: "string", default: `${quotedPrices.egressGb}` },
      "memory-gib": { type: "string", default: "1" },
      seed: { type: "string", default: "1" },
      figures: { type: "string" },
      validate: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const number = (name: keyof typeof values): number => {
    const value = Number(values[name]);
    if (Number.isFinite(value) && value >= 0) return value;
    throw new RangeError(
      `Cannot read --${name}: expected a number of 0 or more, got ${
        values[name]
      }`,
    );
  };
  const positive = (name: keyof typeof values): number => {
    if (number(name) > 0) return number(name);
    throw new RangeError(`Cannot read --${name}: expected more than 0`);
  };
  const costs: Costs = await readJson(
    values.costs ?? new URL("./costs.json", import.meta.url),
  );
  const shared: Omit<Scenario, "hour" | "windowMs" | "gateways" | "routing"> = {
    intervalMs: 60_000 * positive("interval-minutes"),
    daySwing: number("day-swing"),
    concurrency: positive("concurrency"),
    maxInstances: Infinity,
    idleMs: 1000 * number("idle-seconds"),
    bankMemoryBytes: 2 ** 20 * number("bank-mib"),
    shards: values.shards === undefined ? null : positive("shards"),
    edgeFactor: number("edge-factor"),
    roundTripMs: number("round-trip-ms"),
    bitsPerMs: 1000 * positive("line-mbit"),
    sessionMs: 3_600_000,
    seed: number("seed"),
  };
  if (values.validate !== undefined) {
    const report: LoadReport = await readJson(values.validate);
    console.log(validation(costs, report, shared));
    return 0;
  }
  const billing = {
    prices: {
      vcpuSecond: number("vcpu-second"),
      gibSecond: number("gib-second"),
      millionCalls: number("million-calls"),
      egressGb: number("egress-gb"),
    },
    memoryGib: number("memory-gib"),
  };
  const runs = (["affinity", "spread"] as const).map((routing): Run => ({
    routing,
    days: sizes.map((gateways) => {
      console.error(`${routing}, ${gateways} gateways`);
      return simulateDay(costs, { ...shared, gateways, routing }, billing);
    }),
  }));
  const oneMachine = limits(costs, {
    intervalMs: shared.intervalMs,
    peakFactor: 1 + shared.daySwing,
    cores: 2,
    bankMemoryBytes: 2 * shared.bankMemoryBytes,
    writesPerSecond: localWritesPerSecond,
    egressBytesPerSecond: 125e6,
  });
  if (values.figures !== undefined) {
    for (const [name, svg] of await scaleFigures(runs)) {
      await Deno.writeTextFile(`${values.figures}/${name}.svg`, svg);
    }
  }
  console.log(
    values.json
      ? JSON.stringify({ costs, options: shared, billing, runs, oneMachine })
      : [
        ...runs.map(table),
        `One machine of 2 cores, 2 processes, a line of 1 Gbit/s: gateways that each resource carries\n\n${
          oneMachine.map(({ resource, gateways }) =>
            `| ${resource} | ${grouped(gateways)} |`
          ).join("\n")
        }`,
      ].join("\n\n"),
  );
  return 0;
}

/** @throws {RangeError} if the file cannot be read or holds no JSON */
async function readJson<T>(path: string | URL): Promise<T> {
  try {
    return JSON.parse(await Deno.readTextFile(path));
  } catch (cause) {
    throw new RangeError(`Cannot read ${path}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function table({ routing, days }: Run): string {
  const rows = days.map((day) => [
    grouped(day.gateways),
    grouped(day.inferences),
    (day.p50Ms / 1000).toFixed(2),
    (day.p99Ms / 1000).toFixed(2),
    grouped(day.peakInstances),
    grouped(day.coldStarts),
    grouped(day.cpuHours),
    `${Math.round(100 * day.bankShare)} %`,
    (8 * day.peakEgressBytes / 1e6).toFixed(1),
    day.peakWrites.toFixed(1),
    day.dollars.toFixed(day.dollars < 100 ? 2 : 0),
    (1e6 * day.dollars / day.inferences).toFixed(0),
  ]);
  const head = [
    "gateways",
    "inferences a day",
    "p50 s",
    "p99 s",
    "instances, peak",
    "cold starts a day",
    "CPU hours a day",
    "of it tables",
    "peak Mbit/s down",
    "peak writes/s",
    "$ a day",
    "$ a million",
  ];
  return `routing: ${routing}\n\n${markdownTable(head, rows)}`;
}

/** A measured load and the simulation of the same, side by side. */
function validation(
  costs: Costs,
  report: LoadReport,
  shared: Omit<Scenario, "hour" | "windowMs" | "gateways" | "routing">,
): string {
  if (report.intervalMs === 0 || report.latencyMs === null) {
    throw new RangeError(
      "Cannot simulate this load: expected one with --interval-ms and right answers",
    );
  }
  const cores = report.processes.length;
  const windowMs = 1000 * report.seconds;
  const { gateways, intervalMs } = report;
  const outcome = simulate(costs, {
    ...shared,
    gateways,
    intervalMs,
    daySwing: 0,
    hour: 0,
    maxInstances: cores,
    routing: "spread",
    roundTripMs: 0,
    bitsPerMs: Infinity,
    windowMs,
  });
  const measuredCpu = report.processes.reduce(
    (sum, { cpuSeconds }) => sum + cpuSeconds,
    0,
  ) * 1000;
  // What a run does once: start its processes, and the first tables of each key.
  const onceMs = cores * (costs.modelMs + costs.processMs) +
    gateways * (costs.sessionMs + cores * costs.bankMs);
  const rows = [
    ["inferences", report.right, outcome.inferences],
    [
      "CPU ms an inference",
      measuredCpu / report.right,
      (outcome.cpuMs + onceMs) / outcome.inferences,
    ],
    ["p50 ms", report.latencyMs.p50, quantile(outcome.latenciesMs, 0.5)],
    ["p99 ms", report.latencyMs.p99, quantile(outcome.latenciesMs, 0.99)],
  ] as [string, number, number][];
  return rows.map(([name, measured, simulated]) =>
    `${name}: measured ${measured.toFixed(0)}, simulated ${
      simulated.toFixed(0)
    }, ratio ${(simulated / measured).toFixed(2)}`
  ).join("\n");
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) {
      throw error;
    }
    console.error(`${error.message}\n\n${usage}`);
    Deno.exit(2);
  }
}
