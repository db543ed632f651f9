/**
 * Options that the three apps share.
 *
 * @module
 */
import { Command, InvalidArgumentError } from "commander";
import {
  parseArguments,
  tokenOption,
  urlOf,
  UsageError,
  wholeNumber,
} from "../../cli/commands/command.ts";
import { fileFault } from "./file_faults.ts";

/** What the three apps have in common. */
export interface HomeOptions {
  simulate: boolean;
  /** Functions that run elsewhere, or null: the app starts its own. */
  url: URL | null;
  /** Bearer token for them, or null. */
  token: string | null;
  /** File of the gateway's key, or null: that of the demo. */
  key: string | null;
  keyBits: number;
  insecure: boolean;
  /** MQTT broker, or null: nothing is published. */
  broker: URL | null;
  /** PEM texts for a broker with certificates. */
  pems: { ca?: string; cert?: string; key?: string };
  /** Folder in which readings wait for the cloud, or null: one beside the demo's key. */
  queue: string | null;
  /** Names the device in topics and in Home Assistant. */
  deviceId: string;
  /** Ends after so many results. */
  count: number;
  json: boolean;
}

/** A command with the options that all apps share. */
export function homeCommand(
  name: string,
  description: string,
  deviceId: string,
): Command {
  return new Command(`deno run -A examples/${name}/main.ts`)
    .description(description)
    .option("--simulate", "readings that the app makes up", false)
    .option(
      "--url <url>",
      "functions that run elsewhere",
      urlOf("http", "https"),
    )
    .addOption(tokenOption())
    .option("--key <file>", "the gateway's key; made if it is not there")
    .option(
      "--insecure-key-bits <n>",
      "a key that can be broken, for trials",
      wholeNumber(512),
    )
    .option(
      "--broker <url>",
      "publish there, e.g. mqtt://192.168.1.2",
      urlOf("mqtt", "mqtts", "ws", "wss"),
    )
    .option("--broker-ca <file>", "authority of its certificate (PEM)")
    .option("--broker-cert <file>", "certificate of this client (PEM)")
    .option("--broker-key <file>", "key of that certificate (PEM)")
    .option("--queue <folder>", "readings wait there while the cloud is away")
    .option("--device-id <id>", "name in MQTT topics", topicPart, deviceId)
    .option("--count <n>", "end after so many results", wholeNumber(1))
    .option("--json", "one JSON object a line", false)
    .addHelpText("after", environment);
}

const environment = `
CIPHERLAYER_PASSPHRASE opens the key; MQTT_USERNAME and MQTT_PASSWORD the broker.
Exit codes: 0 done, 1 fault, 2 wrong options or input, 130 interrupted.`;

/**
 * Reads the command line.
 *
 * @returns the shared options, and the app's own as commander gives them
 * @throws {UsageError} exit code 0 after `--help`, else 2
 */
export function parseHome<Own>(
  command: Command,
  args: string[],
): { home: HomeOptions; own: Own } {
  const given = parseArguments(command, args);
  if (given.key && given.insecureKeyBits) {
    throw new UsageError(
      "error: --key and --insecure-key-bits exclude each other",
      2,
    );
  }
  const home: HomeOptions = {
    simulate: given.simulate,
    url: given.url ?? null,
    token: given.token ?? null,
    key: given.key ?? null,
    keyBits: given.insecureKeyBits ?? 2048,
    insecure: given.insecureKeyBits !== undefined,
    broker: given.broker ?? null,
    pems: {
      ca: pemIn(given.brokerCa),
      cert: pemIn(given.brokerCert),
      key: pemIn(given.brokerKey),
    },
    queue: given.queue ?? null,
    deviceId: given.deviceId,
    count: given.count ?? Infinity,
    json: given.json,
  };
  return { home, own: given as Own };
}

/**
 * Makes sure that exactly one source of readings was chosen, and a broker for a topic.
 *
 * @param sources option name and whether it was given
 * @throws {UsageError}
 */
export function checkSources(
  sources: Record<string, unknown>,
  { broker }: Pick<HomeOptions, "broker">,
): void {
  const given = Object.values(sources).filter(Boolean).length;
  if (given === 1) {
    if (!sources["--topic"] || broker) return;
    throw new UsageError("error: --topic needs --broker");
  }
  const names = Object.keys(sources).join(", ");
  throw new UsageError(
    `error: expected one source of ${names}, got ${given}`,
    2,
  );
}

/** Reads a positive number. */
export function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < Infinity)) {
    throw new InvalidArgumentError("Expected a number above 0.");
  }
  return value;
}

function pemIn(file: string | undefined): string | undefined {
  try {
    return file === undefined ? undefined : Deno.readTextFileSync(file);
  } catch (error) {
    throw new UsageError(
      `error: cannot read ${file}: ${fileFault(error)}`,
    );
  }
}

/** Home Assistant allows these characters in discovery topics. */
function topicPart(text: string): string {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(text)) {
    throw new InvalidArgumentError("Expected letters, digits, _ and -.");
  }
  return text;
}
