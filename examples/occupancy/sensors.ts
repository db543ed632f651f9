/**
 * Readings of a room from messages of its sensors.
 *
 * @module
 */
import type { Notices } from "../smart_home/notices.ts";
import { numberAt, type SensorMessage } from "../smart_home/sources.ts";
import { UnchangedValue } from "../smart_home/unchanged.ts";

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
/** What a sensor said holds so long; then it counts as dead. */
const maxAgeMs = 30 * minuteMs;
/** A sensor that has said nothing yet is waited for so long in silence. */
const patienceMs = 5 * minuteMs;

/**
 * One row a minute out of messages that come at any time.
 *
 * @param fields dotted paths of the four values, in the order of {@linkcode sensors};
 * sensors may send them apart
 */
export async function* rowsOfMessages(
  messages: AsyncIterable<SensorMessage>,
  fields: string[],
  notices: Notices,
): AsyncGenerator<SensorRow> {
  const latest = new Map<keyof SensorRow, { value: number; atMs: number }>();
  const watched = fields.map((field) =>
    new UnchangedValue(`"${field}"`, notices)
  );
  let startMs: number | null = null, nextMs = -Infinity;
  for await (const { value: message, atMs } of messages) {
    startMs ??= atMs;
    const found = fields.map((field) => numberAt(message, field));
    if (found.every((value) => value === null)) {
      const seen = JSON.stringify(message)?.slice(0, 80);
      notices.warn(
        "fields",
        `No number at ${
          fields.join(", ")
        } in ${seen}: --fields says where they are`,
      );
    } else notices.clear("fields");
    for (const [index, value] of found.entries()) {
      if (value === null) continue;
      latest.set(sensors[index], { value, atMs });
      watched[index].see(value, atMs);
    }
    const ageOf = (sensor: keyof SensorRow) =>
      atMs - (latest.get(sensor)?.atMs ?? startMs!);
    const missing = sensors.filter((sensor) =>
      !latest.has(sensor) || ageOf(sensor) > maxAgeMs
    );
    for (const [index, sensor] of sensors.entries()) {
      if (!missing.includes(sensor)) notices.clear(sensor);
      else if (ageOf(sensor) > (latest.has(sensor) ? maxAgeMs : patienceMs)) {
        notices.warn(
          sensor,
          `No number at "${fields[index]}", the ${sensor}, for ${
            Math.floor(ageOf(sensor) / minuteMs)
          } minutes: is the sensor dead, or --fields wrong?`,
        );
      }
    }
    if (atMs < nextMs || missing.length > 0) continue;
    nextMs = atMs + minuteMs;
    const values = sensors.map((sensor) => [sensor, latest.get(sensor)!.value]);
    yield Object.fromEntries(values) as SensorRow;
  }
}
