/** Runs cases of a target, shrinks what fails, and says how to meet it again. */
import fc from "fast-check";
import type { FuzzTarget } from "./target.ts";

/** An input that a target did not survive, as small as shrinking made it. */
export interface Finding {
  target: string;
  /** These two bring the very input back: `deno task fuzz --replay FILE`. */
  seed: number;
  path: string;
  error: string;
  /** For people; bytes as `Uint8Array.from([...])`. */
  input: string;
}

export interface CaseRange {
  seed: number;
  cases: number;
  /** Of a finding: that case alone. */
  path?: string;
  /** Longest that one case may take; none by default. */
  maxMs?: number;
  /** Told of every input before it is run. */
  onCase?: (input: unknown) => void;
}

/** The first finding among so many cases from a seed; null if there is none. */
export async function runCases<Input>(
  name: string,
  target: FuzzTarget<Input>,
  { seed, cases, path, maxMs = Infinity, onCase }: CaseRange,
): Promise<Finding | null> {
  const check = (input: Input) => {
    onCase?.(input);
    const started = performance.now();
    const done = target.check(input);
    const inTime = () => {
      const ms = Math.round(performance.now() - started);
      if (ms > maxMs) throw new Error(`The case took ${ms} ms`);
    };
    return done instanceof Promise ? done.then(inTime) : inTime();
  };
  const details = await fc.check(
    fc.asyncProperty(target.inputs, async (input) => await check(input)),
    { seed, numRuns: cases, path, endOnFailure: path !== undefined },
  );
  if (!details.failed) return null;
  const { counterexample, counterexamplePath, errorInstance } = details;
  return {
    target: name,
    seed,
    path: counterexamplePath ?? "",
    error: describe(errorInstance),
    input: fc.stringify(counterexample?.[0]),
  };
}

/** The error with its causes. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined
    ? ""
    : `\ncaused by ${describe(error.cause)}`;
  return `${error.stack ?? error}${cause}`;
}
