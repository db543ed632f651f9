/**
 * Events of a session, and their payloads.
 *
 * @module
 */
import type { CipherlayerError } from "../support/errors.ts";

/** Cost of one round. Times are milliseconds of wall clock. */
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

/** What a session is doing; `round` counts from 0. */
export type SessionState =
  | { state: "connecting" }
  | { state: "ready" }
  | { state: "encrypting" | "evaluating" | "decrypting"; round: number }
  /** Of a sealed round: the functions garble the activation, the gateway evaluates it. */
  | { state: "activating"; round: number }
  | { state: "closed" };

/** A round has been completed. */
export interface RoundProgress {
  /** From 0. */
  round: number;
  /** Rounds of the inference. */
  rounds: number;
  /** What the round cost. */
  report: RoundReport;
}

/** A call failed and will be tried again. */
export interface RetryNotice {
  /** How often this call has failed so far. */
  failures: number;
  /** Wait before the next try. */
  delayMs: number;
  /** Why the call failed. */
  error: CipherlayerError;
}

/** Events of a session, by name. */
export interface SessionEventMap {
  /** A round has been completed. */
  round: CustomEvent<RoundProgress>;
  /** A call failed and will be tried again. */
  retry: CustomEvent<RetryNotice>;
  /** The session does something else from now on. */
  state: CustomEvent<SessionState>;
}

/** As the platform has them; declared here, since not every configuration does. */
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

/** A listener of any event. */
export type Listener =
  | ((event: Event) => void)
  | { handleEvent(event: Event): void }
  | null;

/** An `EventTarget` whose listeners know their events' types. */
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
