/**
 * Tells whether a room is occupied from four sensors, a row a minute, several rows
 * in one inference; the cloud sees neither the sensors nor the answer.
 *
 * `deno run -A examples/occupancy/main.ts --help` lists the options.
 *
 * @module
 */
import { InvalidArgumentError } from "commander";
import { note, wholeNumber } from "../../cli/commands/command.ts";
import { runProgram } from "../../cli/commands/program.ts";
import { runApp } from "../smart_home/app.ts";
import { brokerAt } from "../smart_home/broker.ts";
import type { DeviceDescription } from "../smart_home/mqtt_device.ts";
import { Notices } from "../smart_home/notices.ts";
import { checkSources, homeCommand, parseHome } from "../smart_home/options.ts";
import { csvRows, mqttMessages } from "../smart_home/sources.ts";
import { simulatedRoom } from "./room.ts";
import { rowsOfMessages, sensors, toReading } from "./sensors.ts";

interface OwnOptions {
  csv?: string;
  topic?: string;
  fields: string[];
  batch: number;
}

/** What one inference tells. */
interface Occupancy {
  /** In the last minute. */
  occupied: boolean;
  minutesOccupied: number;
  /** Minute by minute. */
  minutes: boolean[];
  /** When the last minute was, ISO 8601. */
  timestamp: string;
}

const command = homeCommand(
  "occupancy",
  "Tells whether a room is occupied; the cloud sees neither sensors nor answer.",
  "occupancy",
)
  .option(
    "--csv <file>",
    "rows with temperature, humidity, light and co2; - is standard input",
  )
  .option("--topic <topic>", "sensors' JSON on the broker, e.g. office/air")
  .option(
    "--fields <names>",
    "where temperature, humidity, light and CO2 are in that JSON",
    fieldNames,
    ["temperature", "humidity", "illuminance", "co2"],
  )
  .option("--batch <n>", "minutes in one inference", wholeNumber(1), 5);

async function run(args: string[], signal: AbortSignal): Promise<void> {
  const { home, own } = parseHome<OwnOptions>(command, args);
  checkSources({
    "--simulate": home.simulate,
    "--csv": own.csv,
    "--topic": own.topic,
  }, home);
  const notices = new Notices();
  const rows = (signal: AbortSignal) => {
    if (home.simulate) return simulatedRoom();
    if (own.csv) return csvRows(own.csv, sensors, notices);
    note(`First answer after ${own.batch} minutes with all four values`);
    const broker = brokerAt(home.broker!, home.pems);
    return rowsOfMessages(
      mqttMessages(broker, own.topic!, notices, signal),
      own.fields,
      notices,
    );
  };
  await runApp<Occupancy>(
    {
      model: "occupancy",
      samples: own.batch,
      clamp: true,
      live: own.topic !== undefined,
      describe: () => describe(home.deviceId, own.batch),
      async *groups(signal) {
        for await (const batch of batches(rows(signal), own.batch)) {
          yield { readings: batch.map(toReading), takenAt: new Date() };
        }
      },
      interpret({ answers, takenAt }) {
        const minutes = answers.map(({ label }) => label === "occupied");
        return {
          occupied: minutes.at(-1)!,
          minutesOccupied: minutes.filter(Boolean).length,
          minutes,
          timestamp: takenAt.toISOString(),
        };
      },
      inWords,
      counts: () => true,
    },
    { home, notices, signal },
  );
}

/** Rows `size` at a time; the last batch may be shorter. */
async function* batches<T>(
  rows: Iterable<T> | AsyncIterable<T>,
  size: number,
): AsyncGenerator<T[]> {
  let batch: T[] = [];
  for await (const row of rows) {
    batch.push(row);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function inWords({ occupied, minutes }: Occupancy): string {
  const marks = minutes.map((present) => present ? "#" : ".").join("");
  return `${marks}  ${occupied ? "occupied" : "empty"}`;
}

function fieldNames(text: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.length !== sensors.length || names.includes("")) {
    throw new InvalidArgumentError("Expected four names, with commas between.");
  }
  return names;
}

/** What Home Assistant shows. */
export function describe(id: string, batch: number): DeviceDescription {
  return {
    id,
    name: "Room",
    model: "Occupancy detector",
    // A few batches, so that one that comes late is waited for.
    expireAfterS: 300 + 3 * 60 * batch,
    components: {
      occupied: {
        platform: "binary_sensor",
        name: "Occupancy",
        value_template: "{{ 'ON' if value_json.occupied else 'OFF' }}",
        device_class: "occupancy",
      },
      minutes: {
        platform: "sensor",
        name: "Minutes occupied",
        value_template: "{{ value_json.minutesOccupied }}",
        device_class: "duration",
        state_class: "measurement",
        unit_of_measurement: "min",
        icon: "mdi:account-clock",
      },
    },
  };
}

if (import.meta.main) await runProgram(run);
