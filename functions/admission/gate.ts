/**
 * Back-pressure: a bounded number of calls is worked on, a bounded number waits in
 * bounded memory, and the rest gets `Retry-After`.
 *
 * @module
 */
import { CipherlayerError } from "../../sdk/support/errors.ts";
import { LruMap } from "../models/lru.ts";
import { type Caller, type Turn, Turns, type Work } from "./turns.ts";

export interface GateLimits {
  /** Calls that are worked on at once; beside them, as many light ones (`Turns`). */
  running: number;
  /** Calls that wait for their turn, beyond those. */
  waiting: number;
  /** Memory for bodies, those that are still coming too; a caller has half of it. */
  bodyBytes: number;
  /** Calls of one caller, those whose bodies are still coming too. */
  perCaller: number;
}

export const defaultGateLimits: GateLimits = {
  running: 2,
  waiting: 128,
  bodyBytes: 256 * 2 ** 20,
  // All parts of a round, and half of the places: one caller does not keep others out.
  perCaller: 64,
};

/** A call that asks for admission. */
export interface Arrival {
  /** Account, or address, that calls. */
  caller: string;
  /** New sessions are turned away first, so that inferences under way can end. */
  startsSession: boolean;
}

/** What a caller that comes back may have before those that stayed, at most. */
const creditMs = 250;
/** Callers without calls whose shares are remembered. */
const restingCallers = 1024;

/** Limits that are not given, or undefined, are the default ones. */
function withDefaults(limits: Partial<GateLimits>): GateLimits {
  const given = Object.entries(limits).filter(([, limit]) =>
    limit !== undefined
  );
  return { ...defaultGateLimits, ...Object.fromEntries(given) };
}

/** Of the memory for bodies, the share of one caller. */
const callerShare = 0.5;
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
  readonly #callers = new Map<
    string,
    Caller & { calls: number; bodyBytes: number }
  >();
  /** What callers had when their last call ended. */
  readonly #resting = new LruMap<string, Shares>(restingCallers);
  /** The least that a caller with calls has had; it never falls. */
  readonly #least: Shares = { servedMs: 0, usedMs: 0 };
  readonly #turns: Turns;
  #places = 0;
  /** Of these, the calls that have had their turn and whose answers are being read. */
  #answering = 0;
  #bodyBytes = 0;
  #meanMs = firstMeanMs;
  #draining = false;

  /** @param clock milliseconds of any start; default: the machine's */
  constructor(
    limits: Partial<GateLimits> = {},
    clock: () => number = () => performance.now(),
  ) {
    this.limits = withDefaults(limits);
    this.#turns = new Turns(this.limits.running);
    this.#clock = clock;
  }

  /** Whether the functions are stopping: no call is admitted any more. */
  get draining(): boolean {
    return this.#draining;
  }

  /** Calls that are worked on now. */
  get running(): number {
    return this.#turns.running;
  }

  /** Calls that were admitted and are not worked on yet. */
  get waiting(): number {
    return this.#places - this.#turns.running - this.#answering;
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
   * Takes note of a call before its body is read; it has no place yet. To be left
   * whatever becomes of it.
   *
   * @throws {CipherlayerError} `overloaded`, or `rate-limited` where the caller has
   * too many calls under way
   */
  receive(arrival: Arrival): Reception {
    const { caller } = arrival;
    const { limits } = this;
    if (this.#draining) throw stopping();
    const known = this.#callers.get(caller) ??
      { calls: 0, bodyBytes: 0, lightTurns: 0, ...this.#sharesOf(caller) };
    if (known.calls >= limits.perCaller) {
      throw refusal(
        "rate-limited",
        `expected at most ${limits.perCaller} calls of a caller at once`,
        this.#retryMs(),
      );
    }
    this.#checkRoom(arrival);
    known.calls++;
    this.#callers.set(caller, known);
    let heldBytes = 0;
    let place: Place | undefined;
    let left = false;
    return {
      caller: known,
      hold: (bytes) => {
        this.#checkMemory(bytes, { heldBytes, callerBytes: known.bodyBytes });
        this.#bodyBytes += bytes;
        known.bodyBytes += bytes;
        heldBytes += bytes;
      },
      admit: () => {
        this.#checkRoom(arrival);
        return place = this.#place(known);
      },
      leave: () => {
        if (left) return;
        left = true;
        place?.leave();
        this.#bodyBytes -= heldBytes;
        known.bodyBytes -= heldBytes;
        if (--known.calls === 0) {
          this.#raiseLeast();
          this.#callers.delete(caller);
          const { servedMs, usedMs } = known;
          this.#resting.set(caller, { servedMs, usedMs });
        }
      },
    };
  }

  /**
   * A place for a call that has no body to be read first, to be left whatever becomes
   * of it.
   *
   * @throws {CipherlayerError} as `receive` does
   */
  admit(arrival: Arrival): Place {
    const reception = this.receive(arrival);
    const { leave } = reception;
    return { ...reception.admit(), leave };
  }

  #checkRoom({ startsSession }: Arrival): void {
    const { limits } = this;
    const places = limits.running + limits.waiting;
    const open = startsSession
      ? Math.max(limits.running, Math.floor(sessionShare * places))
      : places;
    if (this.#places < open) return;
    throw refusal("overloaded", "too many calls are waiting", this.#retryMs());
  }

  #checkMemory(
    bytes: number,
    { heldBytes, callerBytes }: { heldBytes: number; callerBytes: number },
  ): void {
    const { bodyBytes } = this.limits;
    // A single body is taken whatever its size; its own limit bounds it.
    const others = this.#bodyBytes - heldBytes;
    if (others > 0 && this.#bodyBytes + bytes > bodyBytes) {
      throw refusal(
        "overloaded",
        "the memory for bodies is in use",
        this.#retryMs(),
      );
    }
    if (
      callerBytes > heldBytes && callerBytes + bytes > callerShare * bodyBytes
    ) {
      throw refusal(
        "rate-limited",
        "the caller's other calls use its memory for bodies",
        this.#retryMs(),
      );
    }
  }

  /**
   * A caller that comes for the first time has no claim on what others had before; one
   * that comes back has some on what they had meanwhile.
   */
  #sharesOf(caller: string): Shares {
    this.#raiseLeast();
    const least = this.#least, had = this.#resting.take(caller);
    if (!had) return { ...least };
    return {
      servedMs: Math.max(had.servedMs, least.servedMs - creditMs),
      usedMs: Math.max(had.usedMs, least.usedMs - creditMs),
    };
  }

  #raiseLeast(): void {
    const callers = [...this.#callers.values()];
    if (callers.length === 0) return;
    for (const share of ["servedMs", "usedMs"] as const) {
      const least = Math.min(...callers.map((caller) => caller[share]));
      this.#least[share] = Math.max(this.#least[share], least);
    }
  }

  #place(caller: Caller): Place {
    this.#places++;
    let turn: Turn | null = null;
    let startedMs = 0;
    let left = false, answering = false;
    const end = () => {
      if (!turn) return;
      this.#meanMs += meanWeight * (this.#clock() - startedMs - this.#meanMs);
      turn.end();
      turn = null;
    };
    return {
      turn: async (signal, work) => {
        turn = await this.#turns.take(caller, work, signal);
        startedMs = this.#clock();
      },
      endTurn: () => {
        if (!turn || left) return;
        end();
        answering = true;
        this.#answering++;
      },
      leave: () => {
        if (left) return;
        left = true;
        this.#places--;
        if (answering) this.#answering--;
        end();
      },
    };
  }

  /** How long those who are in will take. */
  #retryMs(): number {
    const aheadMs = this.#places * this.#meanMs / this.limits.running;
    return Math.min(longestRetryMs, Math.max(1, aheadMs));
  }
}

type Shares = Pick<Caller, "servedMs" | "usedMs">;

/** What a call holds from its first byte. */
export interface Reception {
  /** Whose it is. */
  readonly caller: Caller;
  /**
   * Sets memory aside for more of the call's body.
   *
   * @throws {CipherlayerError} `overloaded` where there is none left, `rate-limited`
   * where the caller's share is used
   */
  hold(bytes: number): void;
  /**
   * A place for the call, once its body is there; once for a call.
   *
   * @throws {CipherlayerError} `overloaded`
   */
  admit(): Place;
  /** Ends the call and its place, if it has one. */
  leave(): void;
}

/** What an admitted call holds. */
export interface Place {
  /**
   * Waits until the call may be worked on; once for a place.
   *
   * @throws the signal's reason if it aborts first
   */
  turn(signal: AbortSignal, work: Work): Promise<void>;
  /** Gives the turn to another; the place stays taken while the answer is read. */
  endTurn(): void;
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
