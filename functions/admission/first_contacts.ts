/**
 * Work that each new gateway asks for once: one at a time, beside the turns of calls
 * under way, and refused while many wait.
 *
 * @module
 */
import { CipherlayerError } from "../../sdk/support/errors.ts";

/** How soon the first estimate is replaced by what is seen. */
const meanWeight = 0.2;
/** Of the queue, the share of one caller. */
const callerShare = 0.25;

/** A queue of bounded length. */
export class FirstContacts {
  readonly #maxWaiting: number;
  readonly #clock: () => number;
  #meanMs: number;
  #waiting = 0;
  readonly #waitingOf = new Map<string, number>();
  #last: Promise<unknown> = Promise.resolve();

  /**
   * @param maxWaiting beside the one that is worked on
   * @param meanMs what one is expected to take at first
   * @param clock milliseconds of any start @default the machine's
   */
  constructor(
    maxWaiting: number,
    meanMs: number,
    clock: () => number = () => performance.now(),
  ) {
    this.#maxWaiting = maxWaiting;
    this.#meanMs = meanMs;
    this.#clock = clock;
  }

  /**
   * Runs `work` once those before have ended, however they did.
   *
   * @param caller whom it counts for: one has no more than its share of the queue
   * @throws {CipherlayerError} `overloaded` at once, or `rate-limited` where the
   * caller's other gateways wait, with the time that those before will take
   */
  run<T>(caller: string, work: () => Promise<T>): Promise<T> {
    const own = this.#waitingOf.get(caller) ?? 0;
    const isFull = this.#waiting > this.#maxWaiting;
    if (isFull || own > callerShare * this.#maxWaiting) {
      throw new CipherlayerError(
        isFull ? "overloaded" : "rate-limited",
        "Cannot take the call: too many gateways begin",
        { retryable: true, retryAfterMs: this.#waiting * this.#meanMs },
      );
    }
    this.#count(caller, 1);
    const result = this.#last.then(async () => {
      const startedMs = this.#clock();
      try {
        return await work();
      } finally {
        this.#count(caller, -1);
        this.#meanMs += meanWeight *
          (this.#clock() - startedMs - this.#meanMs);
      }
    });
    this.#last = result.catch(() => {});
    return result;
  }

  #count(caller: string, change: 1 | -1): void {
    this.#waiting += change;
    const own = (this.#waitingOf.get(caller) ?? 0) + change;
    if (own > 0) this.#waitingOf.set(caller, own);
    else this.#waitingOf.delete(caller);
  }
}
