/**
 * Command line of the demo.
 *
 * @module
 */
import { Command, InvalidArgumentError, Option } from "commander";
import {
  parseArguments,
  tokenOption,
  urlOf,
  UsageError,
  wholeNumber,
} from "../../cli/commands/command.ts";

/** Where the digits come from. */
export type PictureSource =
  | { kind: "own"; index: number }
  | { kind: "mnist"; folder: string; index: number }
  | { kind: "image"; file: string };

export interface DemoOptions {
  source: PictureSource;
  keyBits: number;
  insecure: boolean;
  /** Profile of the model that the demo serves, or null: that of the package. */
  privacy: "sealed" | null;
  /** Pictures in one inference, or null: one, and answers are not in lists. */
  samples: number | null;
  /** Functions that run elsewhere, or null: the demo starts its own. */
  url: URL | null;
  /** Bearer token for them, or null. */
  token: string | null;
  json: boolean;
}

const examples = `
Examples:
  deno task demo                                      a digit that this project drew
  deno task demo --index 3                            another one
  deno task demo --mnist MNIST --index 12
  deno task demo --image photo-of-a-digit.png
  deno task demo --samples 4                          four digits in the same ciphertexts
  deno task demo --privacy sealed                     the gateway sees noise and the label
  deno task demo --insecure-key-bits 512              the paper's key length; not for real data
  deno task demo --json > report.json

The key is kept in $XDG_DATA_HOME/cipherlayer (~/.local/share/cipherlayer), encrypted under
$CIPHERLAYER_PASSPHRASE or, where that is not set, under a random passphrase in a file beside it.
Exit codes: 0 done, 1 fault, 2 wrong options or input, 130 interrupted.`;

/**
 * Reads the command line.
 *
 * @throws {UsageError}
 */
export function parseOptions(args: string[]): DemoOptions {
  const command = new Command("deno task demo")
    .description(
      "Classifies a handwritten digit in the cloud, and the cloud never sees it.",
    )
    .option("--mnist <dir>", "take pictures from MNIST's test files, gz or not")
    .option("--image <file>", "take a picture of one digit, .png or .npy")
    .option(
      "--index <n>",
      "which picture (of MNIST or of our own)",
      wholeNumber(0),
    )
    .option("--key-bits <n>", "2048 (default), 3072 or 4096", secureBits)
    .option("--insecure-key-bits <n>", "a key that can be broken", insecureBits)
    .option("--samples <n>", "pictures in one inference", wholeNumber(1))
    .addOption(
      new Option(
        "--privacy <profile>",
        "of the model that the demo serves (default: the package's)",
      ).choices(["sealed"]),
    )
    .option(
      "--url <url>",
      "functions that run elsewhere",
      urlOf("http", "https"),
    )
    .addOption(tokenOption())
    .option("--json", "print one JSON object and nothing else", false)
    .addHelpText("after", examples);

  const given = parseArguments(command, args);
  const clash = (left: string, right: string) =>
    new UsageError(`error: ${left} and ${right} exclude each other`, 2);
  if (given.keyBits && given.insecureKeyBits) {
    throw clash("--key-bits", "--insecure-key-bits");
  }
  if (given.mnist !== undefined && given.image !== undefined) {
    throw clash("--mnist", "--image");
  }
  if (given.image !== undefined && given.index !== undefined) {
    throw clash("--image", "--index");
  }
  if (given.privacy !== undefined && given.url !== undefined) {
    throw clash("--privacy", "--url");
  }
  return {
    privacy: given.privacy ?? null,
    source: given.mnist !== undefined
      ? { kind: "mnist", folder: given.mnist, index: given.index ?? 0 }
      : given.image !== undefined
      ? { kind: "image", file: given.image }
      : { kind: "own", index: given.index ?? 7 },
    keyBits: given.insecureKeyBits ?? given.keyBits ?? 2048,
    insecure: given.insecureKeyBits !== undefined,
    samples: given.samples ?? null,
    url: given.url ?? null,
    token: given.token ?? null,
    json: given.json,
  };
}

const anyInteger = wholeNumber(0);

function secureBits(text: string): number {
  const bits = anyInteger(text);
  if (![2048, 3072, 4096].includes(bits)) {
    throw new InvalidArgumentError(
      "Expected 2048, 3072 or 4096 (shorter keys: --insecure-key-bits).",
    );
  }
  return bits;
}

function insecureBits(text: string): number {
  const bits = anyInteger(text);
  if (bits < 512 || bits >= 2048 || bits % 64 !== 0) {
    throw new InvalidArgumentError(
      "Expected a multiple of 64 from 512 to 1984.",
    );
  }
  return bits;
}
