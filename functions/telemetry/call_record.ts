/**
 * What is known of a call, and its observers.
 *
 * @module
 */
import type { Phase } from "../rounds/evaluate/evaluate.ts";

/** What the time of a call is spent on, in the order in which it comes. */
export type CallPhase =
  | "read"
  | "wait"
  | "decode"
  | "verify"
  | "prepare"
  | "admit"
  | "evaluate"
  | "randomise"
  | "encode";

/** Time that a call spent on one thing. */
export interface PhaseTime {
  name: CallPhase;
  /** Milliseconds since 1970. */
  startedMs: number;
  durationMs: number;
}

/**
 * What telemetry may know of a call: names from the model's owner, counts and
 * times. Nothing here depends on a reading, a key, a ciphertext or a token, and
 * no field takes text that a request brought.
 */
export interface CallFacts {
  /** A model that the store knows. */
  model?: string;
  version?: string;
  samples?: number;
  /** Length of the public key. */
  keyBits?: number;
  round?: number;
  /** Rounds of an inference. */
  rounds?: number;
  shard?: number;
  shards?: number;
  /** Products modulo N^2 that the call's method is expected to take, without re-randomisation. */
  products?: number;
  ciphertextsIn?: number;
  ciphertextsOut?: number;
  bytesIn?: number;
  bytesOut?: number;
  /** One after another; a name may come again. */
  phases: PhaseTime[];
  /** Milliseconds of each part of the evaluation. */
  evaluation?: Partial<Record<Phase, number>>;
  /** Outcome where a thread met it: a code of `CipherlayerError`. */
  code?: string;
  /** A fault of the functions' own, as `describeFault` tells it. */
  fault?: string;
}

/** A call that has been answered. */
export interface CallRecord extends CallFacts {
  /** Also in the answer's `x-request-id`. */
  requestId: string;
  /** One of HTTP's methods, or "other". */
  method: string;
  /** The pattern of the route, never a path that a client chose; "unmatched" where there is none. */
  route: string;
  status: number;
  /** "ok", "aborted" by the client, or the code of the fault. */
  code: string;
  /** Milliseconds since 1970. */
  startedMs: number;
  durationMs: number;
}

/** Observes calls: a log, metrics, traces. */
export interface CallObserver {
  /** A call has come. */
  begin?(): void;
  /** It has been answered. Runs where the call was answered, before the answer leaves. */
  end(record: CallRecord): void;
}
