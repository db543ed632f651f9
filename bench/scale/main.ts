/**
 * What thousands to millions of gateways would take: `bench/scale/simulate.ts` run
 * for powers of ten, as a table, JSON or figures; or beside a measured load.
 *
 * @module
 */
import { Command } from "commander";
import {
  numberFrom,
  parseArguments,
  positiveNumber,
  UsageError,
} from "../../cli/commands/command.ts";
import { exitCodeOf } from "../../cli/commands/program.ts";
import { groupDigits } from "../../cli/output/numbers.ts";
import { markdownTable } from "../paper/render/markdown.ts";
import { quantile } from "../shared/harness.ts";
import type { LoadReport } from "../load/run_load.ts";
import type { Costs } from "./costs.ts";
import { type Day, quotedPrices, simulateDay } from "./day.ts";
import { scaleFigures } from "./figures.ts";
import { limits } from "./limits.ts";
import { type Scenario, simulate } from "./simulate.ts";

const sizes = [1e3, 1e4, 1e5, 1e6, 1e7];
/** Embedded Deno KV, one process writing (docs/scale.md). */
const localWritesPerSecond = 170;

interface Run {
  routing: Scenario["routing"];
  days: Day[];
}

function scaleCommand(): Command {
  const number = numberFrom(0);
  const prices = "dollars, quoted in docs/scale.md";
  return new Command("bench/scale/main.ts")
    .description(
      "What thousands to millions of gateways would take, simulated from measured costs.",
    )
    .option(
      "--costs <file>",
      "measured costs (default: bench/scale/costs.json)",
    )
    .option(
      "--interval-minutes <t>",
      "mean time between readings of a gateway",
      positiveNumber,
      60,
    )
    .option(
      "--day-swing <s>",
      "0 none, 0.6 from 0.4 to 1.6 times the mean",
      number,
      0.6,
    )
    .option(
      "--concurrency <c>",
      "calls that an instance takes at once",
      positiveNumber,
      4,
    )
    .option(
      "--idle-seconds <i>",
      "an idle instance is stopped after this time",
      number,
      300,
    )
    .option(
      "--bank-mib <b>",
      "memory of an instance for tables of keys",
      number,
      192,
    )
    .option(
      "--shards <k>",
      "parts of every round (default: as planned)",
      positiveNumber,
    )
    .option(
      "--gateway-factor <f>",
      "how many times slower the gateway's processor is",
      number,
      1,
    )
    .option("--round-trip-ms <r>", "between gateway and functions", number, 40)
    .option("--line-mbit <l>", "of the gateway's line", positiveNumber, 20)
    .option("--vcpu-second <p>", prices, number, quotedPrices.vcpuSecond)
    .option("--gib-second <p>", prices, number, quotedPrices.gibSecond)
    .option("--million-calls <p>", prices, number, quotedPrices.millionCalls)
    .option("--egress-gb <p>", prices, number, quotedPrices.egressGb)
    .option("--memory-gib <g>", "of an instance, billed", number, 1)
    .option("--seed <s>", "decides readings", number, 1)
    .option("--figures <folder>", "writes SVG figures there")
    .option(
      "--validate <file>",
      'simulates the run of a "bench/load/load.ts --json" report instead',
    )
    .option("--json", "print one JSON object", false)
    .addHelpText(
      "after",
      "\nExample:\n  deno run -A bench/scale/main.ts --interval-minutes 15 --json",
    );
}

async function main(args: string[]): Promise<void> {
  const values = parseArguments(scaleCommand(), args);
  const costs: Costs = await readJson(
    values.costs ?? new URL("./costs.json", import.meta.url),
  );
  const shared: Omit<Scenario, "hour" | "windowMs" | "gateways" | "routing"> = {
    intervalMs: 60_000 * values.intervalMinutes,
    daySwing: values.daySwing,
    concurrency: values.concurrency,
    maxInstances: Infinity,
    idleMs: 1000 * values.idleSeconds,
    bankMemoryBytes: 2 ** 20 * values.bankMib,
    shards: values.shards ?? null,
    gatewayFactor: values.gatewayFactor,
    roundTripMs: values.roundTripMs,
    bitsPerMs: 1000 * values.lineMbit,
    sessionMs: 3_600_000,
    seed: values.seed,
  };
  if (values.validate !== undefined) {
    const report: LoadReport = await readJson(values.validate);
    console.log(validation(costs, report, shared));
    return;
  }
  const billing = {
    prices: {
      vcpuSecond: values.vcpuSecond,
      gibSecond: values.gibSecond,
      millionCalls: values.millionCalls,
      egressGb: values.egressGb,
    },
    memoryGib: values.memoryGib,
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
    processes: 2,
    bankMemoryBytes: shared.bankMemoryBytes,
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
            `| ${resource} | ${groupDigits(gateways)} |`
          ).join("\n")
        }`,
      ].join("\n\n"),
  );
}

/** @throws {UsageError} if the file cannot be read or holds no JSON */
async function readJson<T>(path: string | URL): Promise<T> {
  try {
    return JSON.parse(await Deno.readTextFile(path));
  } catch (cause) {
    throw new UsageError(
      `Cannot read ${path}: ${(cause as Error).message}`,
    );
  }
}

function table({ routing, days }: Run): string {
  const rows = days.map((day) => [
    groupDigits(day.gateways),
    groupDigits(day.inferences),
    (day.p50Ms / 1000).toFixed(2),
    (day.p99Ms / 1000).toFixed(2),
    groupDigits(day.peakInstances),
    groupDigits(day.coldStarts),
    groupDigits(day.cpuHours),
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
    throw new UsageError(
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
    gateways *
      (costs.sessionMs +
        cores * (costs.bankMs + costs.firstAnswers * costs.directMs));
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
  Deno.exit(await exitCodeOf(() => main(Deno.args)));
}
