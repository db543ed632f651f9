import type { CallFacts } from "./call_telemetry.ts";

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

/** Told of calls: a log, metrics, traces. */
export interface CallObserver {
  /** A call has come. */
  begin?(): void;
  /** It has been answered. Runs where the call was answered, before the answer leaves. */
  end(record: CallRecord): void;
}
