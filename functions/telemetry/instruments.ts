/**
 * Names, units and levels of all metrics.
 *
 * @module
 */
import process from "node:process";
import type { Gate } from "../admission/gate.ts";
import type { CallRecord } from "./call_record.ts";

export type Labels = Record<string, string>;

/**
 * A metric computed from calls. Named as OpenTelemetry does; Prometheus's name
 * follows from it (`prometheusName`), the same that a collector would derive.
 */
export interface Instrument {
  name: string;
  kind: "counter" | "histogram";
  /** `s`, `By`, or what is counted, in braces. */
  unit: string;
  help: string;
  labels: readonly string[];
  samples(record: CallRecord): [value: number, labels: Labels][];
}

/** A quantity that goes up and down, read when metrics are asked for. */
export interface Level {
  name: string;
  unit: string;
  help: string;
  read(): number;
  /** One for all isolates of a process, which are then not added up. */
  ofProcess?: boolean;
}

/** Upper ends of a histogram's buckets, in seconds. */
export const secondsBuckets = [
  0.001,
  0.003,
  0.01,
  0.03,
  0.1,
  0.3,
  1,
  3,
  10,
  30,
];

const succeeded = ({ code }: CallRecord) => code === "ok";

/** All that is measured of calls. Labels take few values each: none comes from a request. */
export const instruments: readonly Instrument[] = [
  {
    name: "cipherlayer.calls",
    kind: "counter",
    unit: "{call}",
    help: "Calls answered, by outcome.",
    labels: ["method", "route", "model", "code"],
    samples: (record) => [[1, {
      method: record.method,
      route: record.route,
      model: modelOf(record),
      code: record.code,
    }]],
  },
  {
    name: "cipherlayer.call.duration",
    kind: "histogram",
    unit: "s",
    help: "From a call's arrival to its answer.",
    labels: ["route", "model"],
    samples: (record) => [[record.durationMs / 1000, {
      route: record.route,
      model: modelOf(record),
    }]],
  },
  {
    name: "cipherlayer.phase.duration",
    kind: "counter",
    unit: "s",
    help: "Time of calls, by what it was spent on.",
    labels: ["model", "phase"],
    samples: (record) =>
      record.phases.map((
        { name, durationMs },
      ) => [durationMs / 1000, { model: modelOf(record), phase: name }]),
  },
  {
    name: "cipherlayer.sessions",
    kind: "counter",
    unit: "{session}",
    help: "Sessions started, by length of the public key.",
    labels: ["model", "key_bits"],
    samples: (record) =>
      record.route === "/v1/sessions" && succeeded(record)
        ? [[1, { model: modelOf(record), key_bits: keyBitsOf(record) }]]
        : [],
  },
  {
    name: "cipherlayer.inferences",
    kind: "counter",
    unit: "{inference}",
    help:
      "Inferences whose last round was answered (again, where a gateway asked again).",
    labels: ["model"],
    samples: (record) =>
      record.round !== undefined && record.round + 1 === record.rounds &&
        record.shard === 0 && succeeded(record)
        ? [[1, { model: modelOf(record) }]]
        : [],
  },
  {
    name: "cipherlayer.products",
    kind: "counter",
    unit: "{product}",
    help:
      "Products modulo N^2 of rounds that were answered, without re-randomisation.",
    labels: ["model"],
    samples: (record) =>
      record.products !== undefined && succeeded(record)
        ? [[record.products, { model: modelOf(record) }]]
        : [],
  },
  {
    name: "cipherlayer.ciphertexts",
    kind: "counter",
    unit: "{ciphertext}",
    help: "Ciphertexts received (in) and sent (out).",
    labels: ["model", "direction"],
    samples: (record) =>
      inAndOut(record, record.ciphertextsIn, record.ciphertextsOut),
  },
  {
    name: "cipherlayer.io",
    kind: "counter",
    unit: "By",
    help:
      "Bytes of bodies received (in) and sent (out) by sessions and rounds.",
    labels: ["model", "direction"],
    samples: (record) => inAndOut(record, record.bytesIn, record.bytesOut),
  },
];

/** The name under which Prometheus knows an instrument. */
export function prometheusName(
  { name, kind, unit }: { name: string; kind?: string; unit: string },
): string {
  const units: Record<string, string> = { s: "_seconds", By: "_bytes" };
  return name.replaceAll(".", "_") + (units[unit] ?? "") +
    (kind === "counter" ? "_total" : "");
}

const maxModels = 100;
const modelsSeen = new Set<string>();

/** The model as a label; models beyond the first hundred share one, none is empty. */
function modelOf({ model }: CallRecord): string {
  if (model === undefined) return "";
  if (modelsSeen.size < maxModels) modelsSeen.add(model);
  return modelsSeen.has(model) ? model : "other";
}

function keyBitsOf({ keyBits }: CallRecord): string {
  return [2048, 3072, 4096].includes(keyBits ?? 0) ? `${keyBits}` : "other";
}

function inAndOut(
  record: CallRecord,
  received: number | undefined,
  sent: number | undefined,
): [number, Labels][] {
  const model = modelOf(record);
  return ([["in", received], ["out", sent]] as const).flatMap((
    [direction, value],
  ) => value ? [[value, { model, direction }]] : []);
}

/** What a process has in hand. */
export function levelsOf(gate: Gate): Level[] {
  return [
    {
      name: "cipherlayer.running_calls",
      unit: "{call}",
      help: "Calls that are worked on.",
      read: () => gate.running,
    },
    {
      name: "cipherlayer.waiting_calls",
      unit: "{call}",
      help: "Calls that send their body or wait for their turn.",
      read: () => gate.waiting,
    },
    {
      name: "cipherlayer.body_memory",
      unit: "By",
      help: "Memory for the bodies of calls.",
      read: () => gate.bodyBytes,
    },
    {
      name: "cipherlayer.process_memory",
      unit: "By",
      help: "Resident memory of the process.",
      read: () => process.memoryUsage().rss,
      ofProcess: true,
    },
  ];
}
