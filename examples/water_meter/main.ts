/**
 * Reads a water meter from pictures: each digit is recognised in the cloud, and the
 * cloud never sees it. Publishes to MQTT with Home Assistant's discovery.
 *
 * `deno run -A examples/water_meter/main.ts --help` lists the options.
 */
import type { Session } from "@cipherlayer/sdk";
import { note, UsageError } from "../../cli/commands/command.ts";
import { runProgram } from "../../cli/commands/program.ts";
import { openGateway, unlessAway } from "../smart_home/gateway.ts";
import {
  type DeviceDescription,
  MqttDevice,
} from "../smart_home/mqtt_device.ts";
import {
  checkSources,
  homeCommand,
  parseHome,
  positive,
} from "../smart_home/options.ts";
import { type ColourImage, cutDigit } from "./image.ts";
import { faceRegions } from "./meter_face.ts";
import { type MeterConfig, parseConfig } from "./meter_config.ts";
import {
  cameraPictures,
  drawnFace,
  drawnPictures,
  folderPictures,
} from "./pictures.ts";
import { keepKnown, knownBefore } from "./known_value.ts";
import { checkReading } from "./reading.ts";

interface OwnOptions {
  picture?: string;
  folder?: string;
  config?: string;
  intervalS: number;
  previous?: string;
  state?: string;
}

const command = homeCommand(
  "water_meter",
  "Reads a meter's digits from pictures that the cloud never sees.",
  "water_meter",
)
  .option("--picture <url or file>", "a camera's picture, read again and again")
  .option("--folder <dir>", "pictures in the order of their names")
  .option("--config <file>", "where the digits are (README.md)")
  .option("--interval-s <seconds>", "from picture to picture", positive, 300)
  .option("--state <file>", "keeps the last good value from run to run")
  .option("--previous <value>", "the last good value, if the file is wrong");

const simulatedReadings = 12;

async function run(args: string[], signal: AbortSignal): Promise<void> {
  const { home, own } = parseHome<OwnOptions>(command, args);
  checkSources({
    "--simulate": home.simulate,
    "--picture": own.picture,
    "--folder": own.folder,
  });
  const config = home.simulate ? drawnConfig : await readConfig(own.config);
  let known = await knownBefore(own.previous, own.state, config);
  const pictures = home.simulate
    ? drawnPictures(own.intervalS)
    : own.folder
    ? folderPictures(own.folder, own.intervalS)
    : cameraPictures(own.picture!, own.intervalS, signal);

  await using resources = new AsyncDisposableStack();
  // The broker first: what is wrong with it shows before the work begins.
  const device = home.broker && resources.use(
    await MqttDevice.connect(home.broker, describe(home.deviceId, config)),
  );
  const { session } = resources.use(
    await openGateway("meter-digits", config.digits.length, home, signal),
  );
  let left = Math.min(home.count, home.simulate ? simulatedReadings : Infinity);
  for await (const { image, atMs } of pictures) {
    const digits = await readDigits(session, image, config, signal);
    if (digits) {
      const checked = checkReading(digits, atMs, known, config);
      const { reading } = checked;
      if (own.state && checked.known && checked.known !== known) {
        await keepKnown(own.state, checked.known);
      }
      known = checked.known;
      device?.publish(reading);
      console.log(
        home.json
          ? JSON.stringify(reading)
          : `${reading.timestamp}  ${reading.value} ${config.unit}  raw ${reading.raw}  ${reading.error}`,
      );
      if (--left === 0) break;
    }
  }
}

/** All digits of a picture in one inference; null if there is no answer this time. */
async function readDigits(
  session: Session,
  image: ColourImage,
  { digits }: MeterConfig,
  signal: AbortSignal,
): Promise<number[] | null> {
  let readings;
  try {
    readings = digits.map((region) => cutDigit(image, region));
  } catch (error) {
    note(`${(error as Error).message}; this picture is left out`);
    return null;
  }
  const answers = await unlessAway(() =>
    session.inferMany(readings, { signal })
  );
  return answers && answers.map(({ predicted }) => predicted);
}

const drawnConfig: MeterConfig = {
  name: "Water meter (simulated)",
  unit: "m³",
  digits: faceRegions(drawnFace.digits),
  decimals: drawnFace.decimals,
  maxPerHour: 3,
};

async function readConfig(file: string | undefined): Promise<MeterConfig> {
  if (file === undefined) {
    throw new UsageError("error: expected --config (README.md)", 2);
  }
  try {
    return parseConfig(await Deno.readTextFile(file), file);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(
      `error: cannot read ${file}: ${(error as Error).message}`,
      2,
    );
  }
}

/** What Home Assistant shows. */
function describe(id: string, config: MeterConfig): DeviceDescription {
  const flow = config.unit === "m³"
    ? {
      device_class: "volume_flow_rate",
      unit_of_measurement: "m³/h",
    }
    : { unit_of_measurement: `${config.unit}/h` };
  return {
    id,
    name: config.name,
    model: "Meter reader",
    components: {
      value: {
        platform: "sensor",
        name: "Value",
        value_template: "{{ value_json.value }}",
        device_class: "water",
        state_class: "total_increasing",
        unit_of_measurement: config.unit,
        suggested_display_precision: config.decimals,
      },
      rate: {
        platform: "sensor",
        name: "Flow",
        value_template: "{{ value_json.rate_per_time_unit or none }}",
        state_class: "measurement",
        ...flow,
      },
      raw: {
        platform: "sensor",
        name: "Raw value",
        value_template: "{{ value_json.raw }}",
        entity_category: "diagnostic",
        icon: "mdi:counter",
      },
      error: {
        platform: "sensor",
        name: "Error",
        value_template: "{{ value_json.error }}",
        entity_category: "diagnostic",
        icon: "mdi:alert-circle-outline",
      },
    },
  };
}

if (import.meta.main) await runProgram(run);
