/**
 * Sustained load on one machine: gateways with real sessions, in several processes,
 * on several processes of the functions behind one port. Every answer is compared
 * with the integer simulator.
 *
 * @module
 */
import { Command } from "commander";
import { exitCodeOf } from "../../cli/commands/program.ts";
import { runCommand } from "./command.ts";
import { runLoad } from "./run_load.ts";

const command = new Command("bench/load/load.ts")
  .description(
    "Sustained load on one machine; ends with 1 where an answer was wrong or lost.",
  )
  .option(
    "--state <address>",
    "what processes share, as CIPHERLAYER_STATE, redis://127.0.0.1:6379 for example (default: Deno KV of the run's own)",
  )
  .addHelpText(
    "after",
    `
Example:
  deno run -A bench/load/load.ts --gateways 24 --processes 2 --minutes 5 \\
      --insecure-key-bits 512 --json`,
  );

if (import.meta.main) {
  const defaults = { timeoutMs: 60_000, replayShare: 0 };
  Deno.exit(await exitCodeOf(() => runCommand(command, defaults, runLoad)));
}
