/** What the commands share: errors by exit code, options, output. */
import { InvalidArgumentError, Option } from "commander";

/** The command was called in a way that cannot work: exit code 2. */
export class MisuseError extends Error {
  override readonly name = "MisuseError";
}

/** Parses a whole number of at least `least`. */
export function wholeNumber(min: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= min) return value;
    throw new InvalidArgumentError(
      `Expected a whole number of ${min} or more.`,
    );
  };
}

/** Parses a number. */
export function realNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("Expected a number.");
}

/** Parses one width, or widths joined by commas. */
export function bitWidths(text: string): number | number[] {
  const list = text.split(",").map(wholeNumber(1));
  return list.length === 1 ? list[0] : list;
}

/** `--token`, beside `--url`. */
export function tokenOption(): Option {
  return new Option(
    "--token <secret>",
    "bearer token for functions that ask for one",
  )
    .env("CIPHERLAYER_TOKEN");
}

/** The command's result: one JSON object on stdout, or text for people. */
export function print(
  json: boolean,
  result: unknown,
  text: () => string,
): void {
  console.log(json ? JSON.stringify(result) : text());
}

/** Progress goes to stderr, so that stdout stays parseable. */
export function progress(message: string): void {
  console.error(message);
}
