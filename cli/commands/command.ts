/**
 * What command lines share: misuse, arguments, output.
 *
 * @module
 */
import {
  type Command,
  CommanderError,
  InvalidArgumentError,
  Option,
} from "commander";
import { printable } from "../../sdk/support/printable.ts";

/** The command was called in a way that cannot work: exit code 2, or 0 after `--help`. */
export class UsageError extends Error {
  override readonly name = "UsageError";

  constructor(message: string, readonly exitCode: number = 2) {
    super(message);
  }
}

/** Something is wrong about a result that has been printed: exit code 1. */
export class ReportedError extends Error {
  override readonly name = "ReportedError";
}

/**
 * Reads a command line strictly.
 *
 * @returns the options as commander gives them; `command.args` has the arguments
 * @throws {UsageError} exit code 0 after `--help`, else 2
 */
export function parseArguments(command: Command, args: string[]) {
  let output = "";
  command
    .helpOption("--help", "show this")
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => output += text,
      writeErr: (text) => output += text,
    });
  try {
    command.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    throw new UsageError(output.trim(), error.exitCode === 0 ? 0 : 2);
  }
  return command.opts();
}

/** Reads a whole number of at least `min`. */
export function wholeNumber(min: number): (text: string) => number {
  return (text) => {
    if (/^\d{1,9}$/.test(text) && Number(text) >= min) return Number(text);
    throw new InvalidArgumentError(
      `Expected a whole number of ${min} or more.`,
    );
  };
}

/** Reads a number. */
export function realNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("Expected a number.");
}

/** Reads a number of at least `min`. */
export function numberFrom(min: number): (text: string) => number {
  return (text) => {
    const value = realNumber(text);
    if (value >= min) return value;
    throw new InvalidArgumentError(`Expected a number of ${min} or more.`);
  };
}

/** Reads a number above 0. */
export function positiveNumber(text: string): number {
  const value = realNumber(text);
  if (value > 0) return value;
  throw new InvalidArgumentError("Expected a number above 0.");
}

/** Reads one width, or widths joined by commas. */
export function bitWidths(text: string): number | number[] {
  const list = text.split(",").map(wholeNumber(1));
  return list.length === 1 ? list[0] : list;
}

/** Reads a URL of one of the schemes. */
export function urlOf(...schemes: string[]): (text: string) => URL {
  return (text) => {
    const parsed = URL.canParse(text) ? new URL(text) : null;
    if (!parsed || !schemes.includes(parsed.protocol.slice(0, -1))) {
      throw new InvalidArgumentError(`Expected a URL: ${schemes.join(", ")}.`);
    }
    return parsed;
  };
}

/** Gathers the values of an option that may be repeated. */
export const collect = (value: string, earlier: string[] = []): string[] => [
  ...earlier,
  value,
];

/**
 * `--url`.
 *
 * @param help what the functions there are to do
 */
export function urlOption(help: string): Option {
  return new Option("--url <url>", help).env("CIPHERLAYER_URL");
}

/** `--token`, beside `--url`. */
export function tokenOption(): Option {
  return new Option(
    "--token <secret>",
    "bearer token for functions that ask for one",
  )
    .env("CIPHERLAYER_TOKEN");
}

/**
 * The command's result: one JSON object on stdout, or text for people. Names of other
 * people's models and functions are in it, and no terminal obeys what is in them.
 */
export function print(
  json: boolean,
  result: unknown,
  text: () => string,
): void {
  console.log(
    json
      ? escapeObeyed(JSON.stringify(result))
      : text().split("\n").map(printable).join("\n"),
  );
}

/** JSON of the same value: what JSON leaves of characters that terminals obey, escaped. */
function escapeObeyed(json: string): string {
  return json.replace(
    /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu,
    (character) =>
      `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** A line for people on stderr, so that stdout stays parseable. */
export function note(text: string): void {
  console.error(text);
}
