/**
 * Makes the faults of a schedule happen.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { DatabaseSync } from "node:sqlite";
import { platformClock } from "../../sdk/support/clock.ts";
import type { FunctionsOptions } from "../shared/functions_process.ts";
import { add } from "./outcome.ts";
import type { ProcessFault } from "./process_fault.ts";
import type { Disturb, Stage } from "./run_load.ts";

const spoilt = fileURLToPath(new URL("./spoilt_functions.ts", import.meta.url));

/** @param progress called for each fault as it begins */
export function disturbBy(
  faults: readonly ProcessFault[],
  progress: (message: string) => void,
): Disturb {
  return async (stage, stop) => {
    const started = performance.now();
    const happened: Record<string, number>[] = [];
    for (const fault of faults) {
      const wait = started + fault.atMs - performance.now();
      try {
        await platformClock.wait(Math.max(0, wait), stop);
      } catch {
        break; // The load is over.
      }
      const place = needsProcess(fault) ? ` at process ${fault.process}` : "";
      progress(`${fault.kind}${place}`);
      await happen(fault, stage);
      happened.push({ [fault.kind]: 1 });
    }
    return add(happened);
  };
}

const ofProcesses = new Set([
  "kill",
  "terminate",
  "clock-ahead",
  "clock-behind",
  "threads-die",
]);

function needsProcess({ kind }: ProcessFault): boolean {
  return ofProcesses.has(kind);
}

async function happen(fault: ProcessFault, stage: Stage): Promise<void> {
  const { fleet, folder, kvFolder } = stage;
  const { process, clockMs } = fault;
  const replace = (special: Partial<FunctionsOptions>) =>
    fleet.kill(process, "SIGKILL", { entry: spoilt, ...special });
  const clock = (ms: number) =>
    replace({ threads: 1, environment: { LOAD_CLOCK_MS: `${ms}` } });
  const pause = () => platformClock.wait(fault.lastsMs);
  switch (fault.kind) {
    case "kill":
      return await fleet.kill(process, "SIGKILL");
    case "terminate":
      return await fleet.kill(process, "SIGTERM");
    case "clock-ahead":
      return await clock(clockMs);
    case "clock-behind":
      return await clock(-clockMs);
    case "threads-die":
      return await replace({
        threads: 2,
        environment: { LOAD_THREADS_DIE: "1" },
      });
    case "kv-locked": {
      const database = new DatabaseSync(`${kvFolder}/kv.sqlite3`);
      try {
        database.exec("PRAGMA busy_timeout = 5000; BEGIN EXCLUSIVE");
        await pause();
      } finally {
        database.close();
      }
      return;
    }
    case "kv-deleted":
      for await (const { name } of Deno.readDir(kvFolder)) {
        if (name.startsWith("kv.sqlite3")) {
          await Deno.remove(`${kvFolder}/${name}`).catch(() => {});
        }
      }
      return;
    case "disk-full": {
      const filler = `${kvFolder}/filler`;
      await fillDisk(filler);
      await pause();
      return await Deno.remove(filler);
    }
    case "models-away":
      await Deno.rename(`${folder}/models`, `${folder}/away`);
      await pause();
      return await Deno.rename(`${folder}/away`, `${folder}/models`);
  }
}

const fillerBytes = 4096;

async function fillDisk(path: string): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true });
  const block = new Uint8Array(fillerBytes);
  try {
    for (;;) await file.write(block);
  } catch {
    // No space is left.
  }
}
