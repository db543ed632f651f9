/**
 * What Linux reports of a process; null elsewhere, and of processes that have ended.
 *
 * @module
 */

export interface ProcessFigures {
  /** Most memory resident at once so far. */
  peakBytes: number;
  /** Processor time so far, all threads. */
  cpuSeconds: number;
  /** Of its first thread alone. */
  mainSeconds: number;
}

/** Ticks of /proc/PID/stat a second: fixed in Linux's interface. */
const ticksPerSecond = 100;

export async function processFigures(
  pid: number,
): Promise<ProcessFigures | null> {
  try {
    const [status, stat, main] = await Promise.all(
      ["status", "stat", `task/${pid}/stat`].map((name) =>
        Deno.readTextFile(`/proc/${pid}/${name}`)
      ),
    );
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(status);
    if (!peak) return null;
    return {
      peakBytes: 1024 * Number(peak[1]),
      cpuSeconds: secondsOf(stat),
      mainSeconds: secondsOf(main),
    };
  } catch {
    return null;
  }
}

function secondsOf(stat: string): number {
  // Behind the name, which may hold spaces: utime is field 14 of all, stime 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}
