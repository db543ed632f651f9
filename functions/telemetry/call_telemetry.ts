/**
 * What observers receive of a call.
 *
 * @module
 */
import { CipherlayerError } from "../../sdk/support/errors.ts";
import type { Phase } from "../rounds/evaluate/evaluate.ts";
import type { CallFacts, CallPhase, PhaseTime } from "./call_record.ts";

/** Milliseconds since 1970, finer than `Date.now` and never going back. */
export function preciseNow(): number {
  return performance.timeOrigin + performance.now();
}

const known = new WeakMap<Request, CallNotes>();

/** The notes on a request, which any part that handles it adds to. */
export function telemetryOf(request: Request): CallNotes {
  let notes = known.get(request);
  if (!notes) known.set(request, notes = new CallNotes());
  return notes;
}

/** Takes down what becomes known of one call while it is answered. */
export class CallNotes {
  readonly facts: CallFacts = { phases: [] };
  readonly #now: () => number;
  #phase: PhaseTime | undefined;
  #part: { name: Phase; startedMs: number } | undefined;

  /** @param now milliseconds since 1970 */
  constructor(now: () => number = preciseNow) {
    this.#now = now;
  }

  /** Adds to the facts, or replaces them. */
  add(facts: Omit<CallFacts, "phases">): void {
    Object.assign(this.facts, facts);
  }

  /** From now on time goes to `name`, which ends the phase before. */
  enter(name: CallPhase): void {
    const startedMs = this.leave();
    this.#phase = { name, startedMs, durationMs: 0 };
    this.facts.phases.push(this.#phase);
  }

  /** Times `work` as the phase `name`; phases that begin within it end it. */
  async during<T>(name: CallPhase, work: () => T | Promise<T>): Promise<T> {
    this.enter(name);
    try {
      return await work();
    } finally {
      this.leave();
    }
  }

  /** From now on time goes to a part of the evaluation. */
  evaluating(part: Phase): void {
    this.#part = { name: part, startedMs: this.#endPart() };
  }

  /** Ends the phase under way, if there is one. @returns milliseconds since 1970 */
  leave(): number {
    const now = this.#endPart();
    if (this.#phase) {
      const { startedMs } = this.#phase;
      this.#phase.durationMs = Math.max(0, now - startedMs);
      this.#phase = undefined;
    }
    return now;
  }

  /** Takes over what a thread noted on this call; the phase under way ends where its first began. */
  takeOver({ phases, ...facts }: CallFacts): void {
    const waiting = this.#phase;
    this.leave();
    if (waiting && phases.length > 0) {
      const until = phases[0].startedMs;
      waiting.durationMs = Math.max(0, until - waiting.startedMs);
    }
    this.add(facts);
    // The thread found the body read.
    this.facts.phases.push(...phases.filter(({ name }) => name !== "read"));
  }

  #endPart(): number {
    const now = this.#now();
    if (this.#part) {
      const { name, startedMs } = this.#part;
      const evaluation = this.facts.evaluation ??= {};
      evaluation[name] = (evaluation[name] ?? 0) + now - startedMs;
      this.#part = undefined;
    }
    return now;
  }
}

/** The outcome of a call that met `error`: its code, `server-fault` where it was not declared. */
export function codeOf(error: unknown): string {
  return error instanceof CipherlayerError ? error.code : "server-fault";
}

/**
 * A fault that was not declared, fit for a log: its kind, its message without whatever
 * could be a key, a ciphertext, a token or a list of bytes, and where it happened.
 */
export function describeFault(error: unknown): string {
  if (!(error instanceof Error)) return `${typeof error} thrown`;
  const { name, message, stack = "" } = error;
  const at = stack.indexOf(message);
  const frames = at < 0 ? "" : stack.slice(at + message.length);
  return `${name}: ${withoutBytes(message)}${frames.slice(0, 4000)}`;
}

/** A message without what could be a number of a key's size, bytes, or a list of them. */
export function withoutBytes(message: string): string {
  return message
    .replace(/(?:"\d+":)?\d+(?:\s*,\s*(?:"\d+":)?\d+){3,}/g, "[numbers]")
    .replace(/[\w+/=-]{20,}/g, "[left out]")
    .slice(0, 400);
}
