/**
 * Events of a session, and their payloads.
 *
 * @module
 */
import type { CipherlayerError } from "../support/errors.ts";

/**
 * Cost of one round. Times are milliseconds of wall clock.
 *
 * @example
 * ```ts
 * import type { RoundReport } from "@cipherlayer/sdk";
 *
 * const lineMs = ({ totalMs, encryptMs, evaluateMs, decryptMs }: RoundReport) =>
 *   totalMs - encryptMs - evaluateMs - decryptMs;
 * console.log(typeof lineMs);
 * ```
 */
export interface RoundReport {
  /** Ciphertexts sent, each counted once however many shards read it. */
  ciphertextsUp: number;
  /** Ciphertexts received, over all shards. */
  ciphertextsDown: number;
  /** Bodies of the requests, over all shards. */
  bytesUp: number;
  /** Bodies of the answers, over all shards. */
  bytesDown: number;
  /** Packing and encrypting at the gateway. */
  encryptMs: number;
  /** As the cloud states it (the longest shard); the whole call where it does not. */
  evaluateMs: number;
  /**
   * Decrypting, unpacking and the activation at the gateway; in a sealed round the
   * garbled call that is the activation.
   */
  decryptMs: number;
  /** Everything, network included. */
  totalMs: number;
}

/**
 * What a session is doing; `round` counts from 0.
 *
 * @example
 * ```ts
 * import type { SessionState } from "@cipherlayer/sdk";
 *
 * const tell = (state: SessionState) =>
 *   "round" in state ? `${state.state} round ${state.round + 1}` : state.state;
 * if (tell({ state: "encrypting", round: 0 }) !== "encrypting round 1") throw new Error("wrong");
 * ```
 */
export type SessionState =
  | { state: "connecting" }
  | { state: "ready" }
  | { state: "encrypting" | "evaluating" | "decrypting"; round: number }
  /** Of a sealed round: the functions garble the activation, the gateway evaluates it. */
  | { state: "activating"; round: number }
  | { state: "closed" };

/**
 * A round has been completed.
 *
 * @example
 * ```ts
 * import type { RoundProgress, Session } from "@cipherlayer/sdk";
 *
 * function showProgress(session: Session) {
 *   session.addEventListener("round", ({ detail }: CustomEvent<RoundProgress>) =>
 *     console.log(`${detail.round + 1} of ${detail.rounds}`));
 * }
 * console.log(typeof showProgress);
 * ```
 */
export interface RoundProgress {
  /** From 0. */
  round: number;
  /** Rounds of the inference. */
  rounds: number;
  /** What the round cost. */
  report: RoundReport;
}

/**
 * A call failed and will be tried again.
 *
 * @example
 * ```ts
 * import type { RetryNotice } from "@cipherlayer/sdk";
 *
 * // For `connect({ onRetry })`.
 * const onRetry = ({ error, delayMs }: RetryNotice) =>
 *   console.warn(`${error.message}; next try in ${delayMs} ms`);
 * console.log(typeof onRetry);
 * ```
 */
export interface RetryNotice {
  /** How often this call has failed so far. */
  failures: number;
  /** Wait before the next try. */
  delayMs: number;
  /** Why the call failed. */
  error: CipherlayerError;
}

/**
 * Events of a session, by name.
 *
 * @example
 * ```ts
 * import type { SessionEventMap } from "@cipherlayer/sdk";
 *
 * const names: (keyof SessionEventMap)[] = ["round", "retry", "state"];
 * console.log(names);
 * ```
 */
export interface SessionEventMap {
  /** A round has been completed. */
  round: CustomEvent<RoundProgress>;
  /** A call failed and will be tried again. */
  retry: CustomEvent<RetryNotice>;
  /** The session does something else from now on. */
  state: CustomEvent<SessionState>;
}

/**
 * As the platform has them; declared here, since not every configuration does.
 *
 * @example
 * ```ts
 * import type { ListenerOptions } from "@cipherlayer/sdk";
 *
 * const options: ListenerOptions = { once: true };
 * console.log(options); // session.addEventListener("round", listener, options)
 * ```
 */
export interface ListenerOptions {
  /** Heard once. */
  once?: boolean;
  /** Heard before the targets inside. */
  capture?: boolean;
  /** Never prevents what happens by default. */
  passive?: boolean;
  /** Ends listening. */
  signal?: AbortSignal;
}

/**
 * A listener of any event.
 *
 * @example
 * ```ts
 * import type { Listener } from "@cipherlayer/sdk";
 *
 * const listener: Listener = (event) => console.log(event.type);
 * console.log(typeof listener); // session.addEventListener("state", listener)
 * ```
 */
export type Listener =
  | ((event: Event) => void)
  | { handleEvent(event: Event): void }
  | null;

/**
 * An `EventTarget` whose listeners know their events' types.
 *
 * @example
 * ```ts
 * import type { SessionEvents } from "@cipherlayer/sdk";
 *
 * // Every session is one; so are the types of its events known.
 * const count = (events: SessionEvents, rounds: number[]) =>
 *   events.addEventListener("round", ({ detail }) => rounds.push(detail.round));
 * console.log(typeof count);
 * ```
 */
export class SessionEvents extends EventTarget {
  /** Listens to an event of the session, or to any other by name. */
  override addEventListener<Name extends keyof SessionEventMap>(
    type: Name,
    listener: (event: SessionEventMap[Name]) => void,
    options?: ListenerOptions | boolean,
  ): void;
  /** As `EventTarget` has it. */
  override addEventListener(
    type: string,
    listener: Listener,
    options?: ListenerOptions | boolean,
  ): void;
  override addEventListener(
    type: string,
    // deno-lint-ignore no-explicit-any
    listener: any,
    options?: ListenerOptions | boolean,
  ): void {
    super.addEventListener(type, listener, options);
  }

  /** Stops listening. */
  override removeEventListener<Name extends keyof SessionEventMap>(
    type: Name,
    listener: (event: SessionEventMap[Name]) => void,
    options?: ListenerOptions | boolean,
  ): void;
  /** As `EventTarget` has it. */
  override removeEventListener(
    type: string,
    listener: Listener,
    options?: ListenerOptions | boolean,
  ): void;
  override removeEventListener(
    type: string,
    // deno-lint-ignore no-explicit-any
    listener: any,
    options?: ListenerOptions | boolean,
  ): void {
    super.removeEventListener(type, listener, options);
  }
}

/** Dispatches the event `type` with `detail` at `target`. */
export function emit<Name extends keyof SessionEventMap>(
  target: EventTarget,
  type: Name,
  detail: SessionEventMap[Name]["detail"],
): void {
  target.dispatchEvent(new CustomEvent(type, { detail }));
}
