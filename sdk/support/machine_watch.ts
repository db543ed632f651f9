/**
 * Whether the machine was stopped: a virtual machine that goes on from a snapshot, twice
 * perhaps, has the randomness of then.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import { CipherlayerError } from "./errors.ts";

/** Difference of the two clocks that counts as none: wall clocks are set now and then. */
const toleranceMs = 5000;

/** Looks at two clocks, of which one stands still while the machine does. */
export class MachineWatch {
  readonly #clock: Clock;
  #apartMs: number;

  /** @param clock without a wall clock nothing is noticed */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#apartMs = this.#apart();
  }

  /** Whether it was stopped since the last look; its clock may have been set as well. */
  wasStopped(): boolean {
    const before = this.#apartMs;
    this.#apartMs = this.#apart();
    return Math.abs(this.#apartMs - before) > toleranceMs;
  }

  #apart(): number {
    const now = this.#clock.now();
    return (this.#clock.wall?.() ?? now) - now;
  }
}

/** What was made before the machine was stopped, and is not sent. */
export class MachineStopped extends CipherlayerError {
  constructor() {
    super("network", "Cannot go on: the machine was stopped in between", {
      retryable: true,
    });
  }
}

/** A machine that is stopped more often than this during one piece of work gives up. */
const maxTries = 5;

/** Does the work again where the machine was stopped, or its clock was set, in between. */
export async function againIfStopped<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1;; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof MachineStopped) || tries === maxTries) throw error;
    }
  }
}
