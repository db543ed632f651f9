/**
 * `cipherlayer`: from a model to a private service, on the command line.
 * Exit codes: 0 done, 1 failed, 2 misuse, 3 unsupported model, 4 inaccurate model.
 */
import { Command, CommanderError } from "commander";
import { UsageError } from "./commands/command.ts";
import { commands } from "./commands/mod.ts";
import { InaccurateModelError } from "../models/compiler/quantise/promise.ts";
import { UnsupportedModelError } from "../models/compiler/lower/unsupported.ts";

/**
 * Runs the command line.
 *
 * @param args without the program's name
 * @returns the exit code
 */
export async function runCli(args: string[]): Promise<number> {
  const program = new Command("cipherlayer")
    .description("Private deep-learning inference: models, forecasts, services")
    .exitOverride();
  for (const make of commands) program.addCommand(make().exitOverride());
  try {
    await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    // Commander has printed its own message.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof UnsupportedModelError && args.includes("--json")) {
      console.log(JSON.stringify({ unsupported: error.nodes }));
    }
    console.error(error instanceof Error ? error.message : String(error));
    if (error instanceof UsageError) return 2;
    if (error instanceof UnsupportedModelError) return 3;
    return error instanceof InaccurateModelError ? 4 : 1;
  }
}

if (import.meta.main) {
  // A task runs in the folder of deno.json: paths are meant from where it was called.
  const calledFrom = Deno.env.get("INIT_CWD");
  if (calledFrom) Deno.chdir(calledFrom);
  Deno.exit(await runCli(Deno.args));
}
