/**
 * The telemetry that the settings ask for.
 *
 * @module
 */
import process from "node:process";
import type { Gate } from "../admission/gate.ts";
import type { CallObserver } from "../telemetry/call_record.ts";
import { levelsOf } from "../telemetry/instruments.ts";
import { Isolates } from "../telemetry/isolates.ts";
import { logFrom } from "./log.ts";
import type { Settings } from "./settings.ts";
import { OpenTelemetryObserver } from "../telemetry/open_telemetry.ts";
import type { MetricsSource } from "../telemetry/operations_routes.ts";
import {
  prometheusContentType,
  PrometheusObserver,
  prometheusText,
} from "../telemetry/prometheus.ts";

const isolatesTimeoutMs = 2000;

/** What `createApp` takes to be observed. */
export interface Telemetry {
  observers: CallObserver[];
  metrics: MetricsSource;
  /** Gives up what would keep the process alive. */
  close(): void;
}

/**
 * Log, metrics and traces as they are asked for: `CIPHERLAYER_LOG`,
 * `CIPHERLAYER_LOG_FORMAT`, `CIPHERLAYER_METRICS`.
 *
 * @throws {RangeError} if one of them has a value that is not known
 */
export function telemetryFrom(settings: Settings, gate: Gate): Telemetry {
  const log = logFrom(settings);
  const exports = process.env.OTEL_DENO === "true";
  if (exports && !process.env.OTEL_PROPAGATORS) {
    log.notice(
      "OTEL_PROPAGATORS is not set: clients choose the ids of traces. Set it to none, or to tracecontext behind a proxy of your own.",
    );
  }
  const levels = levelsOf(gate);
  const counts = new PrometheusObserver(levels);
  // Of a process of `deno serve`; instances of a platform are scraped by nobody.
  const hasIsolates = "Deno" in globalThis && !process.env.DENO_DEPLOYMENT_ID;
  const isolates = !hasIsolates
    ? undefined
    : new Isolates("cipherlayer metrics", () => counts.snapshot());
  return {
    observers: [
      log,
      counts,
      ...exports ? [new OpenTelemetryObserver(levels)] : [],
    ],
    metrics: {
      contentType: prometheusContentType,
      open: settings.choice("CIPHERLAYER_METRICS", ["0", "1"]) === "1",
      text: async () =>
        prometheusText(
          isolates
            ? await isolates.snapshots(isolatesTimeoutMs)
            : [await counts.snapshot()],
        ),
    },
    close: () => isolates?.close(),
  };
}
