/**
 * Names the appliance behind a smart plug from the last hour of its power; the cloud
 * sees neither the power nor the answer.
 *
 * `deno run -A examples/appliance/main.ts --help` lists the options.
 *
 * @module
 */
import { note, wholeNumber } from "../../cli/commands/command.ts";
import { runProgram } from "../../cli/commands/program.ts";
import { runApp } from "../smart_home/app.ts";
import { brokerAt } from "../smart_home/broker.ts";
import type { DeviceDescription } from "../smart_home/mqtt_device.ts";
import { Notices } from "../smart_home/notices.ts";
import { checkSources, homeCommand, parseHome } from "../smart_home/options.ts";
import {
  csvRows,
  mqttMessages,
  numberAt,
  type SensorMessage,
} from "../smart_home/sources.ts";
import { UnchangedValue } from "../smart_home/unchanged.ts";
import {
  powerMeans,
  type PowerReport,
  slidingWindows,
  toReading,
} from "./power_window.ts";
import { simulatedReports, traceNames } from "./traces.ts";

interface OwnOptions {
  csv?: string;
  topic?: string;
  field: string;
  everyMinutes: number;
}

/** What an hour of power tells. */
interface ApplianceState {
  /** A label of the model, or "off" if the plug saw next to no power. */
  appliance: string;
  meanWatts: number;
  /** When the hour ended, ISO 8601. */
  timestamp: string;
}

const offBelowWatts = 1;
const meansAMinute = 4;

const command = homeCommand(
  "appliance",
  "Names the appliance behind a smart plug; the cloud does not see its power.",
  "appliance",
)
  .option(
    "--csv <file>",
    "reports with time (seconds) and watts; - is standard input",
  )
  .option("--topic <topic>", "a plug's JSON on the broker")
  .option("--field <name>", "where the power is in it: ENERGY.Power", "power")
  .option("--every-minutes <n>", "how far the hour slides", wholeNumber(1), 5);

async function run(args: string[], signal: AbortSignal): Promise<void> {
  const { home, own } = parseHome<OwnOptions>(command, args);
  checkSources({
    "--simulate": home.simulate,
    "--csv": own.csv,
    "--topic": own.topic,
  }, home);
  const notices = new Notices();
  const reports = (signal: AbortSignal) => {
    if (home.simulate) return allTraces();
    if (own.csv) return csvReports(own.csv, notices);
    note("First answer after an hour of power");
    const broker = brokerAt(home.broker!, home.pems);
    return plugReports(
      mqttMessages(broker, own.topic!, notices, signal),
      own.field,
      notices,
    );
  };
  const step = own.everyMinutes * meansAMinute;
  await runApp<ApplianceState>(
    {
      model: "appliance",
      samples: 1,
      clamp: false,
      live: own.topic !== undefined,
      describe: (plan) =>
        describe(home.deviceId, own.everyMinutes, plan?.outputs[0].labels),
      async *groups(signal) {
        const means = powerMeans(reports(signal));
        for await (const hour of slidingWindows(means, step)) {
          // An hour without power is sent too: what is left out would tell the cloud.
          yield {
            readings: [toReading(hour)],
            takenAt: new Date(),
            meta: {
              meanWatts: Math.round(10 * mean(hour)) / 10,
              isOff: Math.max(...hour) < offBelowWatts,
            },
          };
        }
      },
      interpret({ answers, takenAt, meta }) {
        const { meanWatts, isOff } = meta as HourTold;
        return {
          appliance: isOff ? "off" : `${answers[0].label}`,
          meanWatts,
          timestamp: takenAt.toISOString(),
        };
      },
      inWords: ({ appliance, meanWatts }) =>
        `${meanWatts.toFixed(1).padStart(7)} W  ${appliance}`,
      counts: () => true,
    },
    { home, notices, signal },
  );
}

/** What is reported of an hour without the cloud; waits with it. */
interface HourTold {
  meanWatts: number;
  isOff: boolean;
}

/** One made-up appliance after another on the same plug. */
function* allTraces(): Generator<PowerReport> {
  for (const name of traceNames) yield* simulatedReports(name);
}

async function* csvReports(
  file: string,
  notices: Notices,
): AsyncGenerator<PowerReport> {
  const rows = csvRows(file, ["time", "watts"], notices);
  for await (const { time, watts } of rows) {
    yield { atMs: 1000 * time, watts };
  }
}

/** Power as a plug reports it; reports what cannot be read, and a plug that hangs. */
export async function* plugReports(
  messages: AsyncIterable<SensorMessage>,
  field: string,
  notices: Notices,
): AsyncGenerator<PowerReport> {
  const watched = new UnchangedValue(`"${field}"`, notices);
  for await (const { value, atMs } of messages) {
    const watts = numberAt(value, field);
    if (watts === null) {
      const seen = JSON.stringify(value)?.slice(0, 80);
      notices.warn(
        "power",
        `No number at "${field}" in ${seen}: --field says where the power is`,
      );
      continue;
    }
    notices.clear("power");
    watched.see(watts, atMs);
    yield { atMs, watts };
  }
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** What Home Assistant shows. */
export function describe(
  id: string,
  everyMinutes: number,
  labels: readonly string[] | null | undefined,
): DeviceDescription {
  return {
    id,
    name: "Smart plug",
    model: "Appliance detector",
    // A few windows, so that one that comes late is waited for.
    expireAfterS: 900 + 3 * 60 * everyMinutes,
    components: {
      appliance: {
        platform: "sensor",
        name: "Appliance",
        value_template: "{{ value_json.appliance }}",
        // What the labels are is known once the functions have told the plan.
        ...labels && { device_class: "enum", options: [...labels, "off"] },
      },
      power: {
        platform: "sensor",
        name: "Mean power of the hour",
        value_template: "{{ value_json.meanWatts }}",
        device_class: "power",
        state_class: "measurement",
        unit_of_measurement: "W",
      },
    },
  };
}

if (import.meta.main) await runProgram(run);
