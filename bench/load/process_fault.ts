/**
 * What may befall processes and what they stand on, and when.
 *
 * @module
 */
import { exponential, seededUnit } from "../shared/seeded.ts";

/**
 * - `kill`, `terminate`: SIGKILL, SIGTERM; another process starts;
 * - `clock-ahead`, `clock-behind`: the next process in the place has a clock that is
 *   minutes or hours off, until another fault ends it;
 * - `threads-die`: the next process evaluates on threads that end by uncaught errors;
 * - `kv-locked`: another program holds the database's lock;
 * - `kv-deleted`: the database's files are removed while they are open;
 * - `disk-full`: no byte more fits on the disk of the database;
 * - `models-away`: the folder of models cannot be found.
 */
export const processFaultKinds = [
  "kill",
  "terminate",
  "clock-ahead",
  "clock-behind",
  "threads-die",
  "kv-locked",
  "kv-deleted",
  "disk-full",
  "models-away",
] as const;

export type ProcessFaultKind = typeof processFaultKinds[number];

export interface ProcessFault {
  kind: ProcessFaultKind;
  /** From the load's start. */
  atMs: number;
  /** Of locks, full disks and folders away. */
  lastsMs: number;
  /** Which process, for the kinds that concern one. */
  process: number;
  /** By how much a clock is off. */
  clockMs: number;
}

const clockOffsetsMs = [30_000, 10 * 60_000, 3 * 3_600_000];
const longestMs = 4000;

/**
 * Faults at random times, the same for the same arguments. Each kind comes once
 * before any comes again, so that short runs meet many.
 *
 * @param everyMs mean time from one to the next
 */
export function processFaults(
  { seed, durationMs, everyMs, processes, kinds }: {
    seed: number;
    durationMs: number;
    everyMs: number;
    processes: number;
    kinds: readonly ProcessFaultKind[];
  },
): ProcessFault[] {
  const unit = seededUnit(seed);
  const pick = <T>(from: readonly T[]) =>
    from[Math.floor(unit() * from.length)];
  const faults: ProcessFault[] = [];
  let left: ProcessFaultKind[] = [];
  for (let atMs = 0;;) {
    atMs += exponential(everyMs, unit);
    if (atMs >= durationMs) return faults;
    if (left.length === 0) left = [...kinds];
    const kind = pick(left);
    left.splice(left.indexOf(kind), 1);
    faults.push({
      kind,
      atMs,
      lastsMs: longestMs * unit(),
      process: Math.floor(unit() * processes),
      clockMs: pick(clockOffsetsMs),
    });
  }
}
