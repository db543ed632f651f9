/**
 * How often one instance answers the same call in a minute: a retry or two is what lines
 * ask for, and a reply may have megabytes.
 *
 * @module
 */
import { CipherlayerError } from "../../sdk/support/errors.ts";
import { LruMap } from "../models/lru.ts";

const minuteMs = 60_000;
/** Answers to one call in a minute. */
const maxAnswers = 4;
/** Calls that are remembered. */
const callsKept = 2 ** 13;

/** Counts of this instance alone. */
export class Repetitions {
  readonly #counts = new LruMap<string, { minute: number; answers: number }>(
    callsKept,
  );

  /**
   * Notes that a call is answered now.
   *
   * @param id the same for the same call
   * @throws {CipherlayerError} `rate-limited`, with the time until the minute ends
   */
  note(id: string, nowMs: number): void {
    const minute = Math.floor(nowMs / minuteMs);
    const count = this.#counts.getOrMake(id, () => ({ minute, answers: 0 }));
    if (count.minute !== minute) {
      count.minute = minute;
      count.answers = 0;
    }
    if (++count.answers <= maxAnswers) return;
    throw new CipherlayerError(
      "rate-limited",
      `Cannot take the call: the same one was answered ${maxAnswers} times within a minute`,
      { retryable: true, retryAfterMs: (minute + 1) * minuteMs - nowMs },
    );
  }
}
