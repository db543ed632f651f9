/**
 * Reads a water meter from pictures: each digit is recognised in the cloud, and the
 * cloud never sees it. Publishes to MQTT with Home Assistant's discovery.
 *
 * `deno run -A examples/water_meter/main.ts --help` lists the options.
 *
 * @module
 */
import { note, UsageError } from "../../cli/commands/command.ts";
import { runProgram } from "../../cli/commands/program.ts";
import { runApp } from "../smart_home/app.ts";
import { fileFault } from "../smart_home/file_faults.ts";
import type { DeviceDescription } from "../smart_home/mqtt_device.ts";
import { Notices } from "../smart_home/notices.ts";
import {
  checkSources,
  homeCommand,
  parseHome,
  positive,
} from "../smart_home/options.ts";
import { type Beliefs, judgeReading } from "./agreement.ts";
import { cutDigits, readReference } from "./cut_digits.ts";
import type { ColourImage } from "./image.ts";
import { faceRegions } from "./meter_face.ts";
import { type MeterConfig, parseConfig } from "./meter_config.ts";
import {
  cameraPictures,
  drawnFace,
  drawnPictures,
  folderPictures,
  PicturesEnded,
} from "./pictures.ts";
import { keepKnown, knownBefore } from "./known_value.ts";
import type { MeterReading } from "./reading.ts";

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

/** Runs the app. */
export async function run(args: string[], signal: AbortSignal): Promise<void> {
  const { home, own } = parseHome<OwnOptions>(command, args);
  checkSources({
    "--simulate": home.simulate,
    "--picture": own.picture,
    "--folder": own.folder,
  }, home);
  const config = home.simulate ? drawnConfig : await readConfig(own.config);
  const reference = config.reference
    ? await readReference(config.reference, config)
    : null;
  if (!home.simulate && !reference) {
    note("Without a reference a turned or moved camera is not noticed");
  }
  const known = await knownBefore(own.previous, own.state, config);
  if (!known) note("A first value needs two pictures that agree");
  let beliefs: Beliefs = { known, rival: null };
  const notices = new Notices();
  const cut = (image: ColourImage) => cutDigits(image, config, reference);
  const told = { values: 0, refused: 0, ended: null as Error | null };
  const app = runApp<MeterReading>(
    {
      model: "meter-digits",
      samples: config.digits.length,
      clamp: false,
      live: own.picture !== undefined,
      describe: () => describe(home.deviceId, config, own.intervalS),
      async *groups(signal) {
        const pictures = home.simulate
          ? drawnPictures(own.intervalS, cut)
          : own.folder
          ? folderPictures(own.folder, cut)
          : cameraPictures(own.picture!, {
            intervalS: own.intervalS,
            quickly: known ? 0 : 1,
            maxFailures: home.count < Infinity ? 3 : Infinity,
            cut,
            notices,
            signal,
          });
        try {
          for await (const { readings, atMs } of pictures) {
            yield { readings, takenAt: new Date(atMs) };
          }
        } catch (error) {
          // Those that were taken before still have their results.
          if (!(error instanceof PicturesEnded)) throw error;
          told.ended = error;
        }
      },
      interpret({ answers, takenAt }) {
        const digits = answers.map(({ predicted }) => predicted);
        const atMs = takenAt.getTime();
        const judged = judgeReading(digits, atMs, beliefs, config);
        beliefs = judged.beliefs;
        if (judged.reading.error === "no error") told.values++;
        else told.refused++;
        return judged.reading;
      },
      inWords: ({ timestamp, value, raw, error }) =>
        `${timestamp}  ${value || "-"} ${config.unit}  raw ${raw}  ${error}`,
      counts: ({ value }) => value !== "",
      // Published first, then kept.
      async onPublished({ error }) {
        if (own.state && beliefs.known && error === "no error") {
          await keepKnown(own.state, beliefs.known, notices);
        }
      },
    },
    { home, notices, signal },
  );
  await app.catch((error) => {
    throw told.ended ?? error;
  }).finally(() => {
    if (!own.folder) return;
    note(`Values: ${told.values}; readings refused: ${told.refused}`);
  });
  if (told.ended && told.values < home.count) throw told.ended;
  if (own.folder && told.values === 0) {
    throw new UsageError(`error: ${own.folder}: no picture gave a value`);
  }
}

const drawnConfig: MeterConfig = {
  name: "Water meter (simulated)",
  unit: "m³",
  digits: faceRegions(drawnFace.digits),
  decimals: drawnFace.decimals,
  maxPerHour: 3,
  reference: null,
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
      `error: cannot read ${file}: ${fileFault(error)}`,
      2,
    );
  }
}

/** Units that Home Assistant takes for water, and those of flow that it knows. */
const waterUnits: Record<string, { flowUnit?: string }> = {
  "m³": { flowUnit: "m³/h" },
  "L": { flowUnit: "L/h" },
  "gal": {},
  "ft³": {},
  "CCF": {},
};

/** What Home Assistant shows. */
export function describe(
  id: string,
  config: MeterConfig,
  intervalS: number,
): DeviceDescription {
  const isWater = config.unit in waterUnits;
  const flowUnit = waterUnits[config.unit]?.flowUnit;
  return {
    id,
    name: config.name,
    model: "Meter reader",
    // A few pictures, so that one that is left out does no harm.
    expireAfterS: Math.ceil(60 + 4 * intervalS),
    components: {
      value: {
        platform: "sensor",
        name: "Value",
        value_template: "{{ value_json.value or none }}",
        ...isWater && { device_class: "water" },
        state_class: "total_increasing",
        unit_of_measurement: config.unit,
        suggested_display_precision: config.decimals,
      },
      rate: {
        platform: "sensor",
        name: "Flow",
        value_template: "{{ value_json.rate_per_time_unit or none }}",
        state_class: "measurement",
        ...flowUnit && { device_class: "volume_flow_rate" },
        unit_of_measurement: flowUnit ?? `${config.unit}/h`,
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
