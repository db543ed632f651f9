/**
 * Ranges of lanes on other threads: what goes there and comes back is plain data, and
 * the bytes are those of the calling thread's.
 *
 * @module
 */
import { evaluate, type Evaluated, type EvaluatorLanes } from "./evaluate.ts";
import { garble, type Garbled, type GarblerLanes } from "./garble.ts";
import type { GateKernel } from "./gate_kernel.ts";
import { Labels } from "./labels.ts";
import type { Schedule } from "./schedule.ts";

/** Lanes of a circuit, on their way to a thread. */
export interface LaneJob<Lanes> {
  circuit: Schedule;
  lanes: Lanes;
}

/** Threads that work on lanes, beside the calling one. */
export interface LaneThreads<Lanes, Result> {
  /** Threads that are ready; below 2 they are not asked. */
  readonly threads: number;
  /** Null where they failed: the calling thread does it then. */
  run(job: LaneJob<Lanes>): Promise<Result | null>;
}

export type GarblingThreads = LaneThreads<GarblerLanes, Garbled>;
export type EvaluatingThreads = LaneThreads<EvaluatorLanes, Evaluated>;

/** Labels that have passed between threads. */
const asLabels = ({ wires, lanes, words }: Labels): Labels =>
  new Labels(wires, lanes, words);

/** A thread's side. */
export const garbleJob = (
  kernel: GateKernel,
  { circuit, lanes }: LaneJob<GarblerLanes>,
): Garbled =>
  garble(kernel, circuit, { ...lanes, inputs: asLabels(lanes.inputs) });

/** A thread's side. */
export const evaluateJob = (
  kernel: GateKernel,
  { circuit, lanes }: LaneJob<EvaluatorLanes>,
): Evaluated =>
  evaluate(kernel, circuit, { ...lanes, inputs: asLabels(lanes.inputs) });

/** What a thread answered. */
export const received = <Result extends { outputs: Labels }>(
  result: Result,
): Result => ({ ...result, outputs: asLabels(result.outputs) });

/** By threads if there are two or more, else, and where they fail, on this one. */
export function work<Lanes, Result>(
  threads: LaneThreads<Lanes, Result> | undefined,
  job: LaneJob<Lanes>,
  here: () => Result,
): Result | Promise<Result> {
  if (!threads || threads.threads < 2) return here();
  return threads.run(job).then((result) => result ?? here());
}
