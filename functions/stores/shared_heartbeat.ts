/**
 * Whether a database on the network can be used, and the clocks of the instances that
 * share it agree. Each leaves its time there, measured against the database's clock, and
 * looks at the others'.
 *
 * @module
 */
import { remember } from "../models/remember.ts";
import type { ReadinessCheck } from "../telemetry/readiness.ts";

/** Older beats do not count: their instance has ended. */
export const beatLifetimeMs = 15_000;
const intervalMs = 5_000;
const toleranceMs = 30_000;
/** Many questions within so long get the same answer. */
const answerLifetimeMs = 1_000;

/** What is seen when a time is left. */
export interface SeenBeats {
  /** How far each clock that beats is ahead of the database's, in milliseconds, by instance. */
  aheadMs: Map<string, number>;
  /** What else speaks against using the database. */
  reasons: string[];
}

/** Where instances leave their times. */
export interface BeatBoard {
  /**
   * Leaves an instance's time and looks at all.
   *
   * @param id of the instance
   * @param nowMs its time, milliseconds since 1970
   */
  beat(id: string, nowMs: number): Promise<SeenBeats>;
}

/** An instance that beats until it is stopped. */
export class SharedHeartbeat {
  /** Why calls should not be sent here; asks the database now. */
  readonly ready: ReadinessCheck;
  readonly #board: BeatBoard;
  readonly #id: string;
  readonly #clock: () => number;
  readonly #timer: ReturnType<typeof setInterval>;

  /** @param clock milliseconds since 1970 */
  constructor(
    board: BeatBoard,
    { id = crypto.randomUUID(), clock = Date.now }: {
      id?: string;
      clock?: () => number;
    } = {},
  ) {
    this.#board = board;
    this.#id = id;
    this.#clock = clock;
    this.ready = remember(() => this.beat(), answerLifetimeMs);
    this.#timer = setInterval(() => void this.ready(), intervalMs);
    unref(this.#timer);
    void this.ready();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Leaves this instance's time now, and tells what speaks against it. Never rejects. */
  async beat(): Promise<string[]> {
    try {
      const seen = await this.#board.beat(this.#id, this.#clock());
      return [...seen.reasons, ...disagreement(this.#id, seen.aheadMs)];
    } catch {
      return ["the database cannot be used"];
    }
  }
}

function disagreement(
  id: string,
  aheadMs: ReadonlyMap<string, number>,
): string[] {
  const own = aheadMs.get(id) ?? 0;
  const apart = [...aheadMs.values()].some((other) =>
    Math.abs(other - own) > toleranceMs
  );
  return apart ? ["the clocks of instances differ by more than 30 s"] : [];
}

/** Lets the process end while the timer runs. */
function unref(timer: unknown): void {
  if (typeof timer === "number") Deno.unrefTimer(timer);
  else (timer as { unref(): void }).unref();
}
