/**
 * Whose turn it is: the caller that has had the least, and of its calls the lightest,
 * so that light calls pass between the parts of heavy ones.
 *
 * @module
 */
import type { Share } from "../rounds/privacy/paced.ts";

/** Predicted milliseconds up to which a round is light, however it is split. */
const lightMs = 100;

/** Of the turns for calls of any weight, those that first contacts may have. */
const firstContactShare = 0.25;

/** What a call asks of a thread, as far as it can be told before. */
export interface Work {
  /** Predicted milliseconds on one core of all that the call is a part of. */
  predictedMs: number;
  /** Parts that it is in. */
  shards: number;
  /** Whether a gateway asks for it once: the check of its key, a plan. */
  isFirstContact?: boolean;
  /** A whole number that is the same for all calls of a key: one thread has its tables. */
  home?: number;
}

/** A caller whose calls wait; kept as long as there are any. */
export interface Caller extends Share {
  /** Predicted milliseconds of all calls that it has had turns for. */
  servedMs: number;
  /** Turns of light calls that it has now. */
  lightTurns: number;
}

/** What a call holds while it is worked on. */
export interface Turn {
  /** Gives the turn to another; once. */
  end(): void;
}

interface Waiting {
  caller: Caller;
  isLight: boolean;
  isFirstContact: boolean;
  /** Of the call itself. */
  predictedMs: number;
  /**
   * What the caller had when the call came, and what the call will take: the lightest
   * first, and a heavy one no later than lighter ones have had as much.
   */
  rank: number;
  take: (turn: Turn) => void;
}

/**
 * Turns for calls of any weight and, beside them, as many that only light calls may
 * take: these never wait for heavy ones, which the threads work on between them. First
 * contacts never have all threads, however many strangers come at once.
 */
export class Turns {
  readonly #perKind: number;
  readonly #taken = { light: 0, any: 0, firstContact: 0 };
  readonly #waiting = new Set<Waiting>();

  /** @param perKind turns of each kind */
  constructor(perKind: number) {
    this.#perKind = perKind;
  }

  /** Turns that are taken now. */
  get running(): number {
    return this.#taken.light + this.#taken.any;
  }

  /**
   * Waits for a turn.
   *
   * @throws the signal's reason if it aborts first
   */
  async take(
    caller: Caller,
    work: Work,
    signal: AbortSignal,
  ): Promise<Turn> {
    signal.throwIfAborted();
    const predictedMs = work.predictedMs / work.shards;
    const turn = Promise.withResolvers<Turn>();
    const waiting: Waiting = {
      caller,
      isLight: work.predictedMs <= lightMs,
      isFirstContact: work.isFirstContact ?? false,
      predictedMs,
      rank: caller.servedMs + predictedMs,
      take: turn.resolve,
    };
    this.#waiting.add(waiting);
    this.#give("light");
    this.#give("any");
    const leave = () => {
      // Where the turn came first, it stays this call's, to be ended by it.
      if (this.#waiting.delete(waiting)) turn.reject(signal.reason);
    };
    signal.addEventListener("abort", leave, { once: true });
    try {
      return await turn.promise;
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }

  /** Gives a turn of a kind to the next caller, if there is one. */
  #give(kind: "light" | "any"): void {
    if (this.#taken[kind] >= this.#perKind) return;
    const next = this.#next(kind);
    if (!next) return;
    this.#waiting.delete(next);
    this.#taken[kind]++;
    next.caller.servedMs += next.predictedMs;
    if (kind === "light") next.caller.lightTurns++;
    if (next.isFirstContact) this.#taken.firstContact++;
    next.take({
      end: () => {
        if (kind === "light") next.caller.lightTurns--;
        if (next.isFirstContact) this.#taken.firstContact--;
        this.#taken[kind]--;
        this.#give(kind);
      },
    });
  }

  #next(kind: "light" | "any"): Waiting | undefined {
    let first: Waiting | undefined;
    for (const waiting of this.#waiting) {
      if (kind === "light" && !this.#mayTakeLight(waiting)) continue;
      if (waiting.isFirstContact && !this.#hasRoomForFirst()) continue;
      if (!first || isBefore(waiting, first)) first = waiting;
    }
    return first;
  }

  /** One caller never has all of them, so that another's light call finds one. */
  #mayTakeLight({ isLight, caller }: Waiting): boolean {
    return isLight && caller.lightTurns < Math.max(1, this.#perKind - 1);
  }

  #hasRoomForFirst(): boolean {
    const max = Math.max(1, Math.floor(firstContactShare * this.#perKind));
    return this.#taken.firstContact < max;
  }
}

/** Neither, where both are equal: then the one that came first stays first. */
function isBefore(a: Waiting, b: Waiting): boolean {
  return a.caller === b.caller
    ? a.rank < b.rank
    : a.caller.servedMs < b.caller.servedMs;
}
