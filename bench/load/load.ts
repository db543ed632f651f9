/**
 * Sustained load on one machine: gateways with real sessions, in several processes,
 * on several processes of the functions behind one port. Every answer is compared
 * with the integer simulator.
 */
import { runCommand, sharedUsage } from "./command.ts";
import { runLoad } from "./run_load.ts";

const usage = `usage: deno run -A bench/load/load.ts [options]

${sharedUsage}

example: deno run -A bench/load/load.ts --gateways 24 --processes 2 --minutes 5 \\
           --insecure-key-bits 512 --json

Ends with 1 where an answer was wrong or lost.`;

if (import.meta.main) {
  const defaults = { timeoutMs: 60_000, replayShare: 0 };
  Deno.exit(await runCommand(usage, defaults, runLoad));
}
