/**
 * One process of the long mode: runs one target, told as JSON in its argument, and
 * writes a line of JSON after every chunk.
 */
import fc from "fast-check";
import { type Finding, runCases } from "./run_cases.ts";
import { targets } from "./targets.ts";

export interface Work {
  target: string;
  seed: number;
  /** Cases from one seed of fast-check: the next chunk has the next. */
  chunkCases: number;
  /** Ends after so many cases, or after so long. */
  cases: number;
  maxMs: number;
  maxCaseMs: number;
  /** Where each input is written before it is run, to be found when the process is gone. */
  trace?: string;
}

/** What the process tells after each chunk. */
export interface Progress {
  /** Of the next chunk. */
  seed: number;
  cases: number;
  busyMs: number;
  peakBytes: number;
  finding: Finding | null;
}

async function main(work: Work): Promise<void> {
  const target = await targets[work.target]();
  const progress: Progress = {
    seed: work.seed,
    cases: 0,
    busyMs: 0,
    peakBytes: 0,
    finding: null,
  };
  const tell = () => console.log(JSON.stringify(progress));
  tell();
  const started = performance.now();
  while (
    progress.cases < work.cases && progress.busyMs < work.maxMs &&
    !progress.finding
  ) {
    const cases = Math.min(work.chunkCases, work.cases - progress.cases);
    progress.finding = await runCases(work.target, target, {
      seed: progress.seed,
      cases,
      maxMs: work.maxCaseMs,
      onCase: work.trace === undefined
        ? undefined
        : (input) => Deno.writeTextFileSync(work.trace!, fc.stringify(input)),
    });
    progress.seed = (progress.seed + 1) | 0;
    progress.cases += cases;
    progress.busyMs = performance.now() - started;
    progress.peakBytes = peakBytes();
    tell();
  }
}

/** Most memory that the process has held; on other systems than Linux what it holds now. */
function peakBytes(): number {
  try {
    const status = Deno.readTextFileSync("/proc/self/status");
    return 1024 * Number(/VmHWM:\s*(\d+) kB/.exec(status)?.[1]);
  } catch {
    return Deno.memoryUsage().rss;
  }
}

await main(JSON.parse(Deno.args[0]));
