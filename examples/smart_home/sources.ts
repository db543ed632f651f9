import { UsageError } from "../../cli/commands/command.ts";
import { connectClient, connected } from "./mqtt_device.ts";

/**
 * Rows of a CSV file, or of standard input for "-", as they come. The first line
 * names the columns.
 *
 * @param columns those that are read, each a number
 * @throws {UsageError} if a column is missing or a value is no number
 */
export async function* csvRows<Column extends string>(
  file: string,
  columns: readonly Column[],
): AsyncGenerator<Record<Column, number>> {
  let positions: number[] | null = null;
  let lineNumber = 0;
  for await (const line of fileLines(file)) {
    lineNumber++;
    if (line.trim() === "") continue;
    const cells = line.split(",").map((cell) =>
      cell.trim().replace(/^"(.*)"$/, "$1")
    );
    if (positions === null) {
      const names = cells.map((cell) => cell.toLowerCase());
      positions = columns.map((column) => names.indexOf(column));
      const missing = columns.filter((_, i) => positions![i] < 0);
      if (missing.length > 0) {
        throw new UsageError(
          `error: ${file}: expected columns ${columns.join(", ")}, got ${
            names.join(", ")
          }`,
          2,
        );
      }
      continue;
    }
    yield Object.fromEntries(columns.map((column, i) => {
      const text = cells[positions![i]] ?? "";
      if (text === "" || !Number.isFinite(Number(text))) {
        throw new UsageError(
          `error: ${file}: expected a number for ${column} in line ${lineNumber}, got "${text}"`,
          2,
        );
      }
      return [column, Number(text)];
    })) as Record<Column, number>;
  }
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
      `error: cannot read ${file}: ${(error as Error).message}`,
      2,
    );
  }
}

/** A message of a sensor: its JSON, and when it came. */
export interface SensorMessage {
  value: unknown;
  atMs: number;
}

/** JSON messages of an MQTT topic as they come, until the signal aborts. */
export async function* mqttMessages(
  broker: URL,
  topic: string,
  signal: AbortSignal,
): AsyncGenerator<SensorMessage> {
  const client = connectClient(broker);
  const waiting: SensorMessage[] = [];
  let wake = () => {};
  client.on("message", (_, payload) => {
    try {
      waiting.push({ value: JSON.parse(payload.toString()), atMs: Date.now() });
      wake();
    } catch {
      // Not JSON: not a reading.
    }
  });
  const stop = () => wake();
  signal.addEventListener("abort", stop);
  try {
    await connected(client, broker);
    await client.subscribeAsync(topic, { qos: 1 });
    while (true) {
      signal.throwIfAborted();
      const message = waiting.shift();
      if (message) yield message;
      else await new Promise<void>((resolve) => wake = resolve);
    }
  } finally {
    signal.removeEventListener("abort", stop);
    client.end(true);
  }
}

/**
 * The number at a dotted path, such as `ENERGY.Power`; null where there is none.
 */
export function numberAt(value: unknown, path: string): number | null {
  let at = value;
  for (const name of path.split(".")) {
    if (typeof at !== "object" || at === null) return null;
    at = Object.entries(at).find(([key]) => key === name)?.[1];
  }
  return typeof at === "number" && Number.isFinite(at) ? at : null;
}
