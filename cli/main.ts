/**
 * `cipherlayer`: from a model to a private service, on the command line.
 *
 * @module
 */
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Command, CommanderError } from "commander";
import { ReportedError, UsageError } from "./commands/command.ts";
import { commands } from "./commands/mod.ts";
import { InaccurateModelError } from "../models/compiler/quantise/promise.ts";
import { UnsupportedModelError } from "../models/compiler/lower/unsupported.ts";
import { FileError } from "../models/package/read_file.ts";
import { CipherlayerError } from "../sdk/support/errors.ts";
import { version } from "../sdk/support/version.ts";

const exitCodes = `
Exit codes: 0 done; 1 a fault; 2 misuse: options, or files that are not there; 3 a
model with nodes that cannot be compiled; 4 a model that would lose more of a score
than is promised. With --json, errors are a JSON object, too.`;

/**
 * Runs the command line.
 *
 * @param args without the program's name
 * @param more commands of the caller's, before all others in `--help`
 * @returns the exit code
 */
export async function runCli(
  args: string[],
  more: readonly (() => Command)[] = [],
): Promise<number> {
  const program = new Command("cipherlayer")
    .description("Private deep-learning inference: models, forecasts, services")
    .version(version, "--version", "show the version")
    .addHelpText("after", exitCodes)
    .exitOverride();
  for (const make of [...more, ...commands]) {
    program.addCommand(make().exitOverride());
  }
  try {
    await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    return tell(error, args.includes("--json"));
  }
}

/**
 * Tells what went wrong: people on stderr, programs by one JSON object on stdout.
 *
 * @returns the exit code
 */
function tell(error: unknown, json: boolean): number {
  const exitCode = exitCodeOf(error);
  if (exitCode === 0) return 0;
  const message = error instanceof Error ? error.message : String(error);
  // Commander has printed its own.
  if (!(error instanceof CommanderError)) console.error(message);
  if (json && !(error instanceof ReportedError)) {
    console.log(JSON.stringify({
      error: {
        message,
        exitCode,
        ...error instanceof CipherlayerError ? { code: error.code } : {},
      },
      ...error instanceof UnsupportedModelError
        ? { unsupported: error.nodes }
        : {},
    }));
  }
  return exitCode;
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof UsageError) return error.exitCode;
  if (error instanceof FileError) return 2;
  if (error instanceof UnsupportedModelError) return 3;
  return error instanceof InaccurateModelError ? 4 : 1;
}

/** Runs the command line of this process, and ends it. */
export async function main(more?: readonly (() => Command)[]): Promise<never> {
  const code = await runCli(process.argv.slice(2), more);
  // What is written to a pipe may still be on its way.
  await new Promise<void>((resolve) =>
    process.stdout.write("", () => resolve())
  );
  process.exit(code);
}

if (import.meta.main) {
  // A task runs in the folder of deno.json: paths are meant from where it was called.
  const { INIT_CWD: calledFrom } = process.env;
  const root = fileURLToPath(new URL("../", import.meta.url));
  if (calledFrom && `${process.cwd()}/` === root) process.chdir(calledFrom);
  await main();
}
