/**
 * What became of an inference, and sums over many.
 *
 * @module
 */
import { quantile } from "../shared/harness.ts";

/** What a gateway reports of an inference that it began. */
export interface Outcome {
  model: string;
  /**
   * `right`: the simulator's answer; `refused`: an error that the SDK declares;
   * `lost`: any other error, or no end in time.
   */
  result: "right" | "wrong" | "refused" | "lost";
  /** The error's code where it was refused, its text where it was lost. */
  why?: string;
  /** Text of the error where it was refused. */
  detail?: string;
  /** From the call to its end, waiting and retries included. */
  ms: number;
  /** Calls tried again, by the code of the fault. */
  retries: Record<string, number>;
  /** Requests that were sent a second time. */
  replays: number;
  /** Of those, answered with other bytes than the first time. */
  replaysDiffering: number;
}

export interface Latency {
  p50: number;
  p90: number;
  p99: number;
  max: number;
}

export interface Tally {
  /** Inferences that gateways began. */
  inferences: number;
  right: number;
  wrong: number;
  /** Began and did not end in an answer or a declared error. */
  lost: number;
  /** By error code. */
  refused: Record<string, number>;
  /** Of right answers, in milliseconds; null where there are none. */
  latencyMs: Latency | null;
  latencyMsOf: Record<string, Latency | null>;
  retries: Record<string, number>;
  replays: number;
  replaysDiffering: number;
  /** Texts of what was lost. */
  lostWhy: Record<string, number>;
}

/** @param began inferences begun, of which some may have told no outcome */
export function tally(outcomes: readonly Outcome[], began: number): Tally {
  const of = (result: Outcome["result"]) =>
    outcomes.filter((outcome) => outcome.result === result);
  const right = of("right");
  const lost = of("lost");
  const models = [...new Set(outcomes.map(({ model }) => model))].sort();
  return {
    inferences: began,
    right: right.length,
    wrong: of("wrong").length,
    lost: lost.length + began - outcomes.length,
    refused: count(of("refused").map(({ why }) => why!)),
    latencyMs: latency(right),
    latencyMsOf: Object.fromEntries(
      models.map((name) => [
        name,
        latency(right.filter(({ model }) => model === name)),
      ]),
    ),
    retries: add(outcomes.map(({ retries }) => retries)),
    replays: outcomes.reduce((sum, { replays }) => sum + replays, 0),
    replaysDiffering: outcomes.reduce(
      (sum, { replaysDiffering }) => sum + replaysDiffering,
      0,
    ),
    lostWhy: count(lost.map(({ why }) => why!)),
  };
}

function latency(outcomes: readonly Outcome[]): Latency | null {
  if (outcomes.length === 0) return null;
  const times = outcomes.map(({ ms }) => ms);
  return {
    p50: quantile(times, 0.5),
    p90: quantile(times, 0.9),
    p99: quantile(times, 0.99),
    max: times.reduce((a, b) => Math.max(a, b)),
  };
}

function count(names: readonly string[]): Record<string, number> {
  return add(names.map((name) => ({ [name]: 1 })));
}

/** Sums by name, the names in order. */
export function add(
  counts: readonly Record<string, number>[],
): Record<string, number> {
  const sums = new Map<string, number>();
  for (const [name, value] of counts.flatMap((each) => Object.entries(each))) {
    sums.set(name, (sums.get(name) ?? 0) + value);
  }
  return Object.fromEntries([...sums].sort(([a], [b]) => a < b ? -1 : 1));
}
