/**
 * Work that each new gateway asks for once: one at a time, beside the turns of calls
 * under way, and refused while many wait.
 *
 * @module
 */
import { CipherlayerError } from "../../sdk/support/errors.ts";

/** How soon the first estimate is replaced by what is seen. */
const meanWeight = 0.2;

/** A queue of bounded length. */
export class FirstContacts {
  readonly #maxWaiting: number;
  readonly #clock: () => number;
  #meanMs: number;
  #waiting = 0;
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
   * @throws {CipherlayerError} `overloaded` at once, with the time that those before will take
   */
  run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting > this.#maxWaiting) {
      throw new CipherlayerError(
        "overloaded",
        "Cannot take the call: too many gateways begin",
        { retryable: true, retryAfterMs: this.#waiting * this.#meanMs },
      );
    }
    this.#waiting++;
    const result = this.#last.then(async () => {
      const startedMs = this.#clock();
      try {
        return await work();
      } finally {
        this.#waiting--;
        this.#meanMs += meanWeight *
          (this.#clock() - startedMs - this.#meanMs);
      }
    });
    this.#last = result.catch(() => {});
    return result;
  }
}
