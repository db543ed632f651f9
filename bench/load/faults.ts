/**
 * Load under faults: connections that break, stall or garble, requests sent twice,
 * processes killed, clocks that are off, a database locked, deleted or on a full
 * disk. Every inference must end with the right answer or a declared error.
 *
 * @module
 */
import { Command } from "commander";
import { exitCodeOf } from "../../cli/commands/program.ts";
import { runCommand } from "./command.ts";
import { randomFaults } from "./connection_fault.ts";
import { disturbBy } from "./disturb.ts";
import { processFaultKinds, processFaults } from "./process_fault.ts";
import { runLoad } from "./run_load.ts";
import { mountSmallDisk } from "./small_disk.ts";

/** Mean time between faults of processes and of what they stand on. */
const everyMs = 6000;
/** Of requests that meet a fault on their way. */
const faultShare = 0.04;
/** Of requests of rounds that are sent a second time. */
const replayShare = 0.05;
/** Short, so that stalled connections are given up soon. */
const timeoutMs = 15_000;

const command = new Command("bench/load/faults.ts")
  .description(
    `Load under faults; ends with 1 where an answer was wrong or lost. The same seed gives the
same schedule of faults. A full disk takes the right to mount one (root on Linux) and is
left out without it.`,
  )
  .addHelpText(
    "after",
    `
Example:
  deno run -A bench/load/faults.ts --gateways 12 --minutes 5 \\
      --insecure-key-bits 512 --seed 7 --json`,
  );

if (import.meta.main) {
  const run = () =>
    runCommand(
      command,
      { timeoutMs, replayShare },
      async (options) => {
        await using disk = await mountSmallDisk();
        const { seed, minutes, processes, progress } = options;
        const kinds = processFaultKinds.filter((kind) =>
          kind !== "disk-full" || disk !== null
        );
        const schedule = processFaults({
          seed,
          durationMs: 60_000 * minutes,
          everyMs,
          processes,
          kinds,
        });
        return await runLoad(
          {
            ...options,
            kvFolder: disk?.folder,
            faults: randomFaults(seed, faultShare),
          },
          disturbBy(schedule, progress),
        );
      },
    );
  Deno.exit(await exitCodeOf(run));
}
