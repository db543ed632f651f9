/** What the command lines of all examples have in common. */
import { type Command, CommanderError, InvalidArgumentError } from "commander";

/** Thrown for what the command line says; `exitCode` is 0 after `--help`. */
export class UsageError extends Error {
  constructor(message: string, readonly exitCode: number) {
    super(message);
  }
}

/**
 * Reads the command line strictly.
 *
 * @returns the options as commander gives them
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

/** Reads an integer of at least `least`. */
export function integerFrom(min: number): (text: string) => number {
  return (text) => {
    if (!/^\d{1,9}$/.test(text) || Number(text) < min) {
      throw new InvalidArgumentError(`Expected an integer from ${min}.`);
    }
    return Number(text);
  };
}

/** Reads a URL of one of the schemes. */
export function urlOf(...schemes: string[]): (text: string) => URL {
  return (text) => {
    const parsed = URL.parse(text);
    if (!parsed || !schemes.includes(parsed.protocol.slice(0, -1))) {
      throw new InvalidArgumentError(`Expected a URL: ${schemes.join(", ")}.`);
    }
    return parsed;
  };
}
