/** The command line in this process: quicker than a process where many calls are looked at. */
import process from "node:process";
import { runCli } from "../../cli/main.ts";

export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs one command; what it prints is caught. */
export async function runInProcess(...args: string[]): Promise<CommandResult> {
  const { log, error } = console;
  const { write } = process.stderr;
  const printed = { stdout: "", stderr: "" };
  console.log = (text: string) => void (printed.stdout += `${text}\n`);
  console.error = (text: string) => void (printed.stderr += `${text}\n`);
  process.stderr.write = (text: string | Uint8Array) => {
    printed.stderr += text;
    return true;
  };
  try {
    return { code: await runCli(args), ...printed };
  } finally {
    console.log = log;
    console.error = error;
    process.stderr.write = write;
  }
}
