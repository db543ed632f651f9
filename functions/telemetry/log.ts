/**
 * Writes a line for each call or fault.
 *
 * @module
 */
import type { CallObserver, CallRecord } from "./call_record.ts";

/** `errors`: faults of the functions' own; `calls`: a line for each call. */
export type LogLevel = "off" | "errors" | "calls";
export type LogFormat = "text" | "json";

export interface LogOptions {
  level: LogLevel;
  format: LogFormat;
  /** Takes one line. Default: standard error. */
  write?: (line: string) => void;
}

/** Structured lines on calls and on what an operator should know of the process. */
export class Log implements CallObserver {
  readonly #level: LogLevel;
  readonly #format: LogFormat;
  readonly #write: (line: string) => void;

  constructor({ level, format, write }: LogOptions) {
    this.#level = level;
    this.#format = format;
    this.#write = write ?? ((line) => console.error(line));
  }

  end(record: CallRecord): void {
    const severity = severityOf(record);
    if (this.#level === "off") return;
    if (this.#level === "errors" && severity !== "error") return;
    this.#write(
      this.#format === "json"
        ? JSON.stringify(callFields(record, severity))
        : callText(record, severity),
    );
  }

  /** Something about the process; `message` must hold nothing secret. */
  notice(message: string): void {
    if (this.#level === "off") return;
    const time = new Date().toISOString();
    this.#write(
      this.#format === "json"
        ? JSON.stringify({ time, level: "warn", event: "notice", message })
        : message,
    );
  }
}

type Severity = "info" | "warn" | "error";

/** Refusals are the caller's business (`warn`), faults the operator's (`error`). */
function severityOf({ code }: CallRecord): Severity {
  if (code === "ok" || code === "aborted") return "info";
  return code === "server-fault" ? "error" : "warn";
}

/** The fields of a JSON line; docs/operations.md explains each. */
function callFields(record: CallRecord, level: Severity) {
  const { shard, shards } = record;
  return {
    time: new Date(record.startedMs).toISOString(),
    level,
    event: "call",
    requestId: record.requestId,
    method: record.method,
    route: record.route,
    status: record.status,
    code: record.code,
    durationMs: roundMs(record.durationMs),
    model: record.model,
    version: record.version,
    round: record.round,
    shard: shards && shards > 1 ? `${shard}/${shards}` : undefined,
    samples: record.samples,
    keyBits: record.keyBits,
    products: record.products,
    ciphertextsIn: record.ciphertextsIn,
    ciphertextsOut: record.ciphertextsOut,
    bytesIn: record.bytesIn,
    bytesOut: record.bytesOut,
    phasesMs: record.phases.length > 0 ? phasesMs(record) : undefined,
    fault: record.fault,
  };
}

function phasesMs({ phases }: CallRecord): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { name, durationMs } of phases) {
    sums[name] = roundMs((sums[name] ?? 0) + durationMs);
  }
  return sums;
}

function callText(record: CallRecord, severity: Severity): string {
  const { model, version, round, shard, shards } = record;
  const words = [
    new Date(record.startedMs).toISOString(),
    severity.padEnd(5),
    `${record.method} ${record.route}`,
    record.status,
    record.code,
    `${roundMs(record.durationMs)} ms`,
    model && `${model}@${version}`,
    round !== undefined && `round ${round}`,
    shards && shards > 1 && `shard ${shard}/${shards}`,
    record.bytesIn !== undefined && `${record.bytesIn} B in`,
    record.bytesOut !== undefined && `${record.bytesOut} B out`,
    `id ${record.requestId}`,
  ];
  const line = words.filter((word) => word).join(" ");
  return record.fault ? `${line}\n${record.fault}` : line;
}

function roundMs(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}
