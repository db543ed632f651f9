/**
 * What telemetry costs a call: `GET /healthz` through the application, and the
 * observers on the record of a round, in interleaved turns.
 *
 * With `OTEL_DENO=true` spans and metrics are recorded too.
 *
 * @module
 */
import { Command } from "commander";
import { readScriptArguments } from "../../cli/commands/program.ts";
import { createApp } from "../../functions/app.ts";
import type {
  CallObserver,
  CallRecord,
} from "../../functions/telemetry/call_record.ts";
import { Log } from "../../functions/telemetry/log.ts";
import { OpenTelemetryObserver } from "../../functions/telemetry/open_telemetry.ts";
import { PrometheusObserver } from "../../functions/telemetry/prometheus.ts";
import { interleave, median } from "../shared/harness.ts";

const { json } = readScriptArguments(
  new Command("bench/single/telemetry.ts")
    .description("What telemetry costs a call, in microseconds.")
    .option("--json", "print one JSON object", false),
);
const turns = 30;
const callsPerTurn = 500;

const log = (format: "json" | "text") =>
  new Log({ level: "calls", format, write: () => {} });
const observers: Record<string, CallObserver> = {
  "log as JSON": log("json"),
  "log as text": log("text"),
  "metrics for Prometheus": new PrometheusObserver(),
  "OpenTelemetry": new OpenTelemetryObserver(),
};

/** A round as it is reported. */
const phases = [
  "admit",
  "read",
  "wait",
  "decode",
  "verify",
  "prepare",
  "evaluate",
  "randomise",
  "encode",
] as const;
const record: CallRecord = {
  requestId: crypto.randomUUID(),
  method: "POST",
  route: "/v1/rounds/:index",
  status: 200,
  code: "ok",
  startedMs: Date.now(),
  durationMs: 90,
  model: "lenet-mnist",
  version: "1",
  samples: 1,
  keyBits: 2048,
  round: 0,
  rounds: 4,
  shard: 0,
  shards: 2,
  products: 20_000,
  ciphertextsIn: 30,
  ciphertextsOut: 120,
  bytesIn: 16_000,
  bytesOut: 62_000,
  phases: phases.map((name, i) => ({
    name,
    startedMs: Date.now() + 10 * i,
    durationMs: 10,
  })),
  evaluation: { import: 1, inversion: 2, tables: 3, products: 3, packing: 1 },
};

const appWith = (observers: CallObserver[]) =>
  createApp({
    models: {
      list: () => Promise.resolve([]),
      load: () => Promise.reject(new Error("none")),
    },
    sealingKey: new Uint8Array(32),
    observers,
  });
const quiet = appWith([]);
const watched = appWith(Object.values(observers));

const cases: Record<string, () => unknown> = {
  "GET /healthz, nobody told": () => quiet.request("/healthz"),
  "GET /healthz, all told": () => watched.request("/healthz"),
  ...Object.fromEntries(
    Object.entries(observers).map(([name, observer]) => [name, () => {
      observer.begin?.();
      observer.end(record);
    }]),
  ),
};

const microseconds = await interleave(
  Object.fromEntries(
    Object.entries(cases).map(([name, run]) => [name, async () => {
      const started = performance.now();
      for (let call = 0; call < callsPerTurn; call++) await run();
      return 1000 * (performance.now() - started) / callsPerTurn;
    }]),
  ),
  turns,
);
const medians = Object.fromEntries(
  Object.entries(microseconds).map(([name, each]) => [
    name,
    Math.round(10 * median(each)) / 10,
  ]),
);
if (json) console.log(JSON.stringify(medians));
else {
  for (const [name, each] of Object.entries(medians)) {
    console.log(`${name.padEnd(28)} ${each} us`);
  }
}
