/**
 * Reads a water meter from pictures: each digit is recognised in the cloud, and the
 * cloud never sees it. Publishes to MQTT with Home Assistant's discovery.
 *
 * `deno run -A examples/water_meter/main.ts --help` lists the options.
 */
import { note, UsageError } from "../../cli/commands/command.ts";
import { runProgram } from "../../cli/commands/program.ts";
import { runApp } from "../smart_home/app.ts";
import type { DeviceDescription } from "../smart_home/mqtt_device.ts";
import { Notices } from "../smart_home/notices.ts";
import {
  checkSources,
  homeCommand,
  parseHome,
  positive,
} from "../smart_home/options.ts";
import { type Beliefs, judgeReading } from "./agreement.ts";
import {
  type ColourImage,
  cutDigit,
  decodeImage,
  isInside,
  type Region,
} from "./image.ts";
import { unreadable } from "./quality.ts";
import { misplaced } from "./view.ts";
import { faceRegions } from "./meter_face.ts";
import { type MeterConfig, parseConfig } from "./meter_config.ts";
import {
  cameraPictures,
  drawnFace,
  drawnPictures,
  folderPictures,
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
  await runApp<MeterReading>(
    {
      model: "meter-digits",
      samples: config.digits.length,
      clamp: false,
      live: own.picture !== undefined,
      describe: () => describe(home.deviceId, config, own.intervalS),
      async *groups(signal) {
        const pictures = home.simulate
          ? drawnPictures(own.intervalS)
          : own.folder
          ? folderPictures(own.folder)
          : cameraPictures(own.picture!, {
            intervalS: own.intervalS,
            quickly: known ? 0 : 1,
            notices,
            signal,
          });
        for await (const { image, atMs } of pictures) {
          const readings = cutDigits(image, config, reference, notices);
          if (readings) yield { readings, takenAt: new Date(atMs) };
        }
      },
      interpret({ answers, takenAt }) {
        const digits = answers.map(({ predicted }) => predicted);
        const atMs = takenAt.getTime();
        const judged = judgeReading(digits, atMs, beliefs, config);
        beliefs = judged.beliefs;
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
}

/**
 * All digits of a picture, or null if it cannot be trusted; told once.
 *
 * @throws {UsageError} if a digit's region is not inside the picture
 */
function cutDigits(
  image: ColourImage,
  { digits }: MeterConfig,
  reference: ColourImage | null,
  notices: Notices,
): Float64Array[] | null {
  const place = reference && misplaced(image, reference);
  if (!place) checkRegions(digits, image);
  const cut = place ? [] : digits.map((region) => cutDigit(image, region));
  const faults = cut.map(unreadable);
  const bad = faults.findIndex((fault) => fault !== null);
  const fault = place ?? (bad >= 0 ? `digit ${bad + 1}: ${faults[bad]}` : null);
  if (fault === null) {
    notices.clear("picture");
    return cut;
  }
  notices.warn("picture", `Picture: ${fault}; such pictures are left out`);
  return null;
}

async function readReference(
  file: string,
  { digits }: MeterConfig,
): Promise<ColourImage> {
  let image;
  try {
    image = decodeImage(await Deno.readFile(file));
  } catch (error) {
    throw new UsageError(`error: ${file}: ${(error as Error).message}`);
  }
  checkRegions(digits, image);
  return image;
}

/** A region outside stays outside: no later picture helps. */
function checkRegions(digits: Region[], image: ColourImage): void {
  const index = digits.findIndex((region) => !isInside(region, image));
  if (index < 0) return;
  throw new UsageError(
    `error: digit ${
      index + 1
    }: expected a region within the picture's ${image.width} x ${image.height} pixels`,
  );
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
      `error: cannot read ${file}: ${(error as Error).message}`,
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
