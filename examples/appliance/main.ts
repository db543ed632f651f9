/**
 * Names the appliance behind a smart plug from the last hour of its power; the cloud
 * sees neither the power nor the answer.
 *
 * `deno run -A examples/appliance/main.ts --help` lists the options.
 */
import { UsageError, wholeNumber } from "../../cli/commands/command.ts";
import { runProgram } from "../../cli/commands/program.ts";
import { openGateway, unlessAway } from "../smart_home/gateway.ts";
import {
  type DeviceDescription,
  MqttDevice,
} from "../smart_home/mqtt_device.ts";
import { checkSources, homeCommand, parseHome } from "../smart_home/options.ts";
import { csvRows, mqttMessages, numberAt } from "../smart_home/sources.ts";
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
  });
  if (own.topic && !home.broker) {
    throw new UsageError("error: --topic needs --broker", 2);
  }
  const reports = home.simulate
    ? allTraces()
    : own.csv
    ? csvReports(own.csv)
    : plugReports(
      mqttMessages(home.broker!, own.topic!, signal),
      own.field,
    );

  await using resources = new AsyncDisposableStack();
  const { session } = resources.use(
    await openGateway("appliance", 1, home, signal),
  );
  const labels = session.plan.output.labels ?? [];
  const device = home.broker && resources.use(
    await MqttDevice.connect(home.broker, describe(home.deviceId, labels)),
  );
  let left = home.count;
  const step = own.everyMinutes * meansAMinute;
  for await (const hour of slidingWindows(powerMeans(reports), step)) {
    // An hour without power is sent too: what is left out would tell the cloud.
    const answer = await unlessAway(() =>
      session.infer(toReading(hour), { signal })
    );
    if (!answer) continue;
    const state: ApplianceState = {
      appliance: Math.max(...hour) < offBelowWatts ? "off" : `${answer.label}`,
      meanWatts: Math.round(10 * mean(hour)) / 10,
    };
    device?.publish(state);
    console.log(
      home.json
        ? JSON.stringify(state)
        : `${state.meanWatts.toFixed(1).padStart(7)} W  ${state.appliance}`,
    );
    if (--left === 0) break;
  }
}

/** One made-up appliance after another on the same plug. */
function* allTraces(): Generator<PowerReport> {
  for (const name of traceNames) yield* simulatedReports(name);
}

async function* csvReports(file: string): AsyncGenerator<PowerReport> {
  for await (const { time, watts } of csvRows(file, ["time", "watts"])) {
    yield { atMs: 1000 * time, watts };
  }
}

async function* plugReports(
  messages: ReturnType<typeof mqttMessages>,
  field: string,
): AsyncGenerator<PowerReport> {
  for await (const { value, atMs } of messages) {
    const watts = numberAt(value, field);
    if (watts !== null) yield { atMs, watts };
  }
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** What Home Assistant shows. */
function describe(id: string, labels: string[]): DeviceDescription {
  return {
    id,
    name: "Smart plug",
    model: "Appliance detector",
    components: {
      appliance: {
        platform: "sensor",
        name: "Appliance",
        value_template: "{{ value_json.appliance }}",
        device_class: "enum",
        options: [...labels, "off"],
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
