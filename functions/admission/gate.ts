/**
 * Back-pressure: a bounded number of calls is worked on, a bounded number waits in
 * bounded memory, and the rest is told when to come back.
 */
import { CipherlayerError } from "../../sdk/support/errors.ts";

export interface GateLimits {
  /** Calls that are worked on at once. */
  running: number;
  /** Calls that send their body or wait for their turn, beyond those. */
  waiting: number;
  /** Memory for the bodies of all of them. */
  bodyBytes: number;
  /** Calls of one caller; unlimited by default. */
  perCaller: number;
}

export const defaultGateLimits: GateLimits = {
  running: 2,
  waiting: 128,
  bodyBytes: 256 * 2 ** 20,
  perCaller: Infinity,
};

/** A call that asks to be let in, before a byte of its body is read. */
export interface Arrival {
  /** Account, or address, that calls. */
  caller: string;
  /** New sessions are turned away first, so that inferences under way can end. */
  startsSession: boolean;
}

/** Limits that are not given, or undefined, are the default ones. */
function withDefaults(limits: Partial<GateLimits>): GateLimits {
  const given = Object.entries(limits).filter(([, limit]) =>
    limit !== undefined
  );
  return { ...defaultGateLimits, ...Object.fromEntries(given) };
}

/** How soon the first estimate of waiting times is replaced by what is seen. */
const meanWeight = 0.1;
const firstMeanMs = 200;
/** Of the places, the share that new sessions may take. */
const sessionShare = 0.5;
const longestRetryMs = 60_000;
/** While stopping: another instance, or this one when started again. */
const drainingRetryMs = 1_000;

export class Gate {
  readonly limits: GateLimits;
  readonly #clock: () => number;
  readonly #callers = new Map<string, number>();
  /** Places that wait for their turn, the longest waiting first. */
  readonly #queue = new Set<() => void>();
  #places = 0;
  #bodyBytes = 0;
  #running = 0;
  #meanMs = firstMeanMs;
  #draining = false;

  /** @param clock milliseconds of any start; default: the machine's */
  constructor(
    limits: Partial<GateLimits> = {},
    clock: () => number = () => performance.now(),
  ) {
    this.limits = withDefaults(limits);
    this.#clock = clock;
  }

  /** Whether the functions are stopping: no call is let in any more. */
  get draining(): boolean {
    return this.#draining;
  }

  /** Calls that are worked on now. */
  get running(): number {
    return this.#running;
  }

  /** Calls that have been let in and are not worked on yet. */
  get waiting(): number {
    return this.#places - this.#running;
  }

  /** Memory that bodies take. */
  get bodyBytes(): number {
    return this.#bodyBytes;
  }

  /** Lets no call in from now on; those that are in go on. */
  drain(): void {
    this.#draining = true;
  }

  /**
   * A place for a call, to be left whatever becomes of it.
   *
   * @throws {CipherlayerError} `overloaded`, or `rate-limited` where the caller has
   * too many calls under way
   */
  admit({ caller, startsSession }: Arrival): Place {
    const { limits } = this;
    if (this.#draining) throw stopping();
    const callers = this.#callers.get(caller) ?? 0;
    if (callers >= limits.perCaller) {
      throw refusal(
        "rate-limited",
        `expected at most ${limits.perCaller} calls of a caller at once`,
        this.#retryMs(),
      );
    }
    const places = limits.running + limits.waiting;
    const open = startsSession
      ? Math.max(limits.running, Math.floor(sessionShare * places))
      : places;
    if (this.#places >= open) {
      throw refusal(
        "overloaded",
        "too many calls are waiting",
        this.#retryMs(),
      );
    }
    this.#places++;
    this.#callers.set(caller, callers + 1);
    return this.#place(() => {
      this.#places--;
      const left = this.#callers.get(caller)! - 1;
      if (left > 0) this.#callers.set(caller, left);
      else this.#callers.delete(caller);
    });
  }

  #place(free: () => void): Place {
    let startedMs: number | null = null;
    let left = false;
    let heldBytes = 0;
    return {
      hold: (bytes) => {
        // A single body is taken whatever its size; its own limit bounds it.
        const others = this.#bodyBytes - heldBytes;
        if (others > 0 && this.#bodyBytes + bytes > this.limits.bodyBytes) {
          throw refusal(
            "overloaded",
            "the memory for bodies is in use",
            this.#retryMs(),
          );
        }
        this.#bodyBytes += bytes;
        heldBytes += bytes;
      },
      turn: async (signal) => {
        await this.#turn(signal);
        startedMs = this.#clock();
      },
      leave: () => {
        if (left) return;
        left = true;
        free();
        this.#bodyBytes -= heldBytes;
        if (startedMs !== null) this.#end(this.#clock() - startedMs);
      },
    };
  }

  async #turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#running < this.limits.running) {
      this.#running++;
      return;
    }
    const turn = Promise.withResolvers<void>();
    this.#queue.add(turn.resolve);
    const give = () => {
      // Where the turn came first, it stays this call's, to be ended by it.
      if (this.#queue.delete(turn.resolve)) turn.reject(signal.reason);
    };
    signal.addEventListener("abort", give, { once: true });
    try {
      await turn.promise;
    } finally {
      signal.removeEventListener("abort", give);
    }
  }

  #end(tookMs: number): void {
    this.#meanMs += meanWeight * (tookMs - this.#meanMs);
    const [next] = this.#queue;
    if (next) {
      // The turn passes on: as many run as before.
      this.#queue.delete(next);
      next();
    } else this.#running--;
  }

  /** How long those who are in will take. */
  #retryMs(): number {
    const aheadMs = this.#places * this.#meanMs / this.limits.running;
    return Math.min(longestRetryMs, Math.max(1, aheadMs));
  }
}

/** What an admitted call holds. */
export interface Place {
  /**
   * Sets memory aside for more of the call's body.
   *
   * @throws {CipherlayerError} `overloaded` where there is none left
   */
  hold(bytes: number): void;
  /**
   * Waits until the call may be worked on; once for a place.
   *
   * @throws the signal's reason if it aborts first
   */
  turn(signal: AbortSignal): Promise<void>;
  /** Ends the call, whether it had its turn or not. */
  leave(): void;
}

/** For calls that come, or whose body breaks off, while the functions stop. */
export function stopping(): CipherlayerError {
  return refusal("overloaded", "the functions are stopping", drainingRetryMs);
}

function refusal(
  code: "overloaded" | "rate-limited",
  why: string,
  retryAfterMs: number,
): CipherlayerError {
  return new CipherlayerError(code, `Cannot take the call: ${why}`, {
    retryable: true,
    retryAfterMs,
  });
}
