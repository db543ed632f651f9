/**
 * Where readings come from: CSV, and JSON on an MQTT broker. What cannot be read is
 * told, once a cause, and left out.
 *
 * @module
 */
import { note, UsageError } from "../../cli/commands/command.ts";
import { type Broker, connectClient } from "./broker.ts";
import { fileFault } from "./file_faults.ts";
import type { Notices } from "./notices.ts";

/**
 * Rows of a CSV file, or of standard input for "-", as they come. The first line
 * names the columns; a row with a value that is no number is left out.
 *
 * @param columns those that are read, each a number
 * @throws {UsageError} if a column is missing
 */
export async function* csvRows<Column extends string>(
  file: string,
  columns: readonly Column[],
  notices: Notices,
): AsyncGenerator<Record<Column, number>> {
  let positions: number[] | null = null;
  let lineNumber = 0, leftOut = 0;
  for await (const line of fileLines(file)) {
    lineNumber++;
    if (line.trim() === "") continue;
    const cells = line.split(",").map((cell) =>
      cell.trim().replace(/^"(.*)"$/, "$1")
    );
    if (positions === null) {
      positions = positionsOf(columns, cells, file);
      continue;
    }
    const texts = positions.map((position) => cells[position] ?? "");
    const wrong = texts.findIndex((text) =>
      text === "" || !Number.isFinite(Number(text))
    );
    if (wrong >= 0) {
      leftOut++;
      notices.warn(
        `column ${columns[wrong]}`,
        `${file}: expected a number for ${
          columns[wrong]
        } in line ${lineNumber}, got "${texts[wrong]}"; such rows are left out`,
      );
      continue;
    }
    yield Object.fromEntries(
      columns.map((column, i) => [column, Number(texts[i])]),
    ) as Record<Column, number>;
  }
  if (leftOut > 0) note(`${file}: rows left out: ${leftOut}`);
}

function positionsOf(
  columns: readonly string[],
  cells: string[],
  file: string,
): number[] {
  const names = cells.map((cell) => cell.toLowerCase());
  const positions = columns.map((column) => names.indexOf(column));
  if (positions.includes(-1)) {
    throw new UsageError(
      `error: ${file}: expected columns ${columns.join(", ")}, got ${
        names.join(", ")
      }`,
    );
  }
  return positions;
}

async function* fileLines(file: string): AsyncGenerator<string> {
  const { readable } = file === "-" ? Deno.stdin : await open(file);
  let rest = "";
  for await (const part of readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + part).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== "") yield rest;
}

async function open(file: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(file);
  } catch (error) {
    throw new UsageError(
      `error: cannot read ${file}: ${fileFault(error)}`,
    );
  }
}

/** A message of a sensor: its JSON, and when it came. */
export interface SensorMessage {
  value: unknown;
  /** By a monotonic clock, so that no step of the wall clock is taken for time. */
  atMs: number;
}

/** Sensors report at least so often. */
const maxSilenceMs = 15 * 60_000;

/**
 * JSON messages of an MQTT topic as they come, until the signal aborts. Retained
 * ones are passed over: they may be of any age.
 */
export async function* mqttMessages(
  broker: Broker,
  topic: string,
  notices: Notices,
  signal: AbortSignal,
): AsyncGenerator<SensorMessage> {
  const client = connectClient(broker, notices);
  const waiting: SensorMessage[] = [];
  let wake = () => {};
  const warnOfSilence = () =>
    notices.warn(
      "silence",
      `${topic}: no message for ${maxSilenceMs / 60_000} minutes`,
    );
  let silence = setTimeout(warnOfSilence, maxSilenceMs);
  client.on("connect", () => client.subscribe(topic, { qos: 1 }));
  client.on("message", (_, payload, { retain }) => {
    clearTimeout(silence);
    silence = setTimeout(warnOfSilence, maxSilenceMs);
    if (retain) {
      notices.warn(
        "retained",
        `${topic}: a retained message, of unknown age, is passed over; waiting for a new one`,
      );
      return;
    }
    notices.clear("silence");
    notices.clear("retained");
    try {
      const value = JSON.parse(payload.toString());
      waiting.push({ value, atMs: performance.now() });
      notices.clear("not JSON");
    } catch {
      const text = payload.toString().slice(0, 40);
      notices.warn(
        "not JSON",
        `${topic}: expected JSON, got ${JSON.stringify(text)}`,
      );
    }
    wake();
  });
  const stop = () => wake();
  signal.addEventListener("abort", stop);
  note(`Waiting for messages on ${topic}`);
  try {
    while (true) {
      signal.throwIfAborted();
      const message = waiting.shift();
      if (message) yield message;
      else await new Promise<void>((resolve) => wake = resolve);
    }
  } finally {
    clearTimeout(silence);
    signal.removeEventListener("abort", stop);
    client.end(true);
  }
}

/**
 * The number at a dotted path, such as `ENERGY.Power`, also where it is text; null
 * where there is none.
 */
export function numberAt(value: unknown, path: string): number | null {
  let at = value;
  for (const name of path.split(".")) {
    if (typeof at !== "object" || at === null) return null;
    at = Object.entries(at).find(([key]) => key === name)?.[1];
  }
  if (typeof at === "string" && at.trim() !== "") at = Number(at);
  return typeof at === "number" && Number.isFinite(at) ? at : null;
}
