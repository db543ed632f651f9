import type { SensorMessage } from "../smart_home/sources.ts";
import { numberAt } from "../smart_home/sources.ts";

/** What the sensors of a room show. */
export interface SensorRow {
  /** Degrees Celsius. */
  temperature: number;
  /** Relative, per cent. */
  humidity: number;
  /** Lux. */
  light: number;
  /** Parts per million. */
  co2: number;
}

/** The sensors, by the names that the model gives its inputs. */
export const sensors = ["temperature", "humidity", "light", "co2"] as const;

/** A row as the model `occupancy` reads it: these four, and nothing beside them. */
export function toReading(
  { temperature, humidity, light, co2 }: SensorRow,
): SensorRow & Record<string, number> {
  return { temperature, humidity, light, co2 };
}

const minuteMs = 60_000;

/**
 * One row a minute out of messages that come at any time.
 *
 * @param fields dotted paths of the four values, in the order of {@linkcode sensors};
 * sensors may send them apart
 */
export async function* rowsOfMessages(
  messages: AsyncIterable<SensorMessage>,
  fields: string[],
): AsyncGenerator<SensorRow> {
  const latest: Partial<SensorRow> = {};
  let nextMs = -Infinity;
  for await (const { value, atMs } of messages) {
    for (const [index, sensor] of sensors.entries()) {
      latest[sensor] = numberAt(value, fields[index]) ?? latest[sensor];
    }
    if (atMs < nextMs || sensors.some((name) => latest[name] === undefined)) {
      continue;
    }
    nextMs = atMs + minuteMs;
    yield { ...latest } as SensorRow;
  }
}
