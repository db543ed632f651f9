/**
 * Programs: run to an exit code, and interrupted politely.
 *
 * @module
 */
import process from "node:process";
import type { Command } from "commander";
import { note, UsageError } from "./command.ts";

/**
 * Runs a program until it ends, fails or is interrupted, and ends the process.
 *
 * @param run gets the arguments, and a signal that SIGINT and SIGTERM abort
 * @param args default: those of the process
 */
export async function runProgram(
  run: (args: string[], signal: AbortSignal) => Promise<void>,
  args: string[] = process.argv.slice(2),
): Promise<never> {
  const stop = new AbortController();
  const interrupt = () => {
    // The second time: at once.
    if (stop.signal.aborted) process.exit(130);
    stop.abort(new Error("interrupted"));
  };
  for (const name of ["SIGINT", "SIGTERM"]) process.on(name, interrupt);
  process.exit(await exitCodeOf(() => run(args, stop.signal), stop.signal));
}

/**
 * Runs to an exit code: 0, 1 after a fault, that of a `UsageError`, 130 once
 * `signal` has aborted. Faults go to stderr, help to stdout.
 *
 * @param run may return another code
 */
export async function exitCodeOf(
  run: () => Promise<number | void>,
  signal?: AbortSignal,
): Promise<number> {
  try {
    return await run() ?? 0;
  } catch (error) {
    if (signal?.aborted) {
      note("Interrupted.");
      return 130;
    }
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof UsageError) {
      (error.exitCode === 0 ? console.log : console.error)(message);
      return error.exitCode;
    }
    note(`error: ${message}`);
    return 1;
  }
}

/**
 * Reads the command line of a script, or ends it: with 0 after `--help`, with 2 where
 * options make no sense.
 *
 * @returns the options; `command.args` has the arguments
 */
export function readScriptArguments(command: Command) {
  return command
    .helpOption("--help", "show this")
    .allowExcessArguments(false)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .parse(process.argv.slice(2), { from: "user" })
    .opts();
}

/** Waits; rejects with the signal's reason if that aborts. */
export function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const abort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    }, delayMs);
    signal.addEventListener("abort", abort, { once: true });
  });
}
