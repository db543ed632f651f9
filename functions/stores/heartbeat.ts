/**
 * Whether the clocks of all instances that share a database agree, and whether the
 * database can be used: tokens and budgets end by the clock.
 *
 * @module
 */
import type { ReadinessCheck } from "../telemetry/readiness.ts";
import { whenUnlocked } from "./kv_lock.ts";

const beatsKey = ["cipherlayer", "instance"];
const toleranceMs = 30_000;
const intervalMs = 5_000;
/** An instance that has not beaten for so long is forgotten. */
const lifetimeMs = 60 * 60_000;
/** As SQLite words what has been done to its file. */
const damage = /not a database|is malformed/;

/** An instance's time, written into the database that it shares with others. */
export class Heartbeat {
  readonly #kv: Deno.Kv;
  readonly #id: string;
  readonly #clock: () => number;
  readonly #isCut: () => boolean;
  /** The version of each other instance's beat that was seen last, and when it was new. */
  readonly #seen = new Map<string, { version: string; sinceMs: number }>();
  #lookedAt: number | undefined;
  #reasons: string[] = [];

  constructor(
    kv: Deno.Kv,
    {
      id = crypto.randomUUID(),
      clock = Date.now,
      isCut = () => false,
    }: {
      id?: string;
      /** Milliseconds since 1970. */
      clock?: () => number;
      /** Whether the database's file has lost a part. */
      isCut?: () => boolean;
    } = {},
  ) {
    this.#kv = kv;
    this.#id = id;
    this.#clock = clock;
    this.#isCut = isCut;
  }

  /** Beats until the returned function is called. */
  start(): () => void {
    const beat = () => void this.beat();
    beat();
    const timer = setInterval(beat, intervalMs);
    Deno.unrefTimer(timer);
    return () => clearInterval(timer);
  }

  /** Why calls should not be sent here, as the last beat found. */
  readonly ready: ReadinessCheck = () => Promise.resolve(this.#reasons);

  /** Writes this instance's time and looks at the others'. Never rejects. */
  async beat(): Promise<void> {
    try {
      // What is in memory can still be read; Deno's cleaning up needs the rest.
      if (this.#isCut()) throw new Error("the file is not a database");
      const now = this.#clock();
      await whenUnlocked(() => this.#kv.set([...beatsKey, this.#id], now));
      const agree = await whenUnlocked(() => this.#clocksAgree(now));
      this.#reasons = agree
        ? []
        : ["the clocks of instances differ by more than 30 s"];
    } catch (error) {
      this.#reasons = ["the database cannot be used"];
      // Deno ends a process that has a damaged database open when it next cleans up,
      // once a minute.
      if (damage.test(String((error as Error).cause ?? error))) {
        this.#kv.close();
      }
    }
  }

  /** What has changed since the last look was written between then and now. */
  async #clocksAgree(now: number): Promise<boolean> {
    const since = this.#lookedAt;
    let agree = true;
    const beats = this.#kv.list<number>({ prefix: beatsKey });
    for await (const { key, value, versionstamp } of beats) {
      const id = String(key.at(-1));
      if (id === this.#id) continue;
      const seen = this.#seen.get(id);
      if (seen?.version === versionstamp) {
        if (now - seen.sinceMs > lifetimeMs) await this.#kv.delete(key);
        continue;
      }
      this.#seen.set(id, { version: versionstamp, sinceMs: now });
      if (since === undefined) continue;
      agree &&= value > since - toleranceMs && value < now + toleranceMs;
    }
    this.#lookedAt = now;
    return agree;
  }
}
