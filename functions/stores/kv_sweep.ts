/**
 * Removes entries of Deno KV when they have served, and not by the database's own expiry,
 * which any process that has it open carries out by its own clock.
 *
 * @module
 */
import { whenUnlocked } from "./kv_lock.ts";

/** Writes between two sweeps, which remove up to twice as many entries. */
const writesPerSweep = 100;

/** The entries of one kind, by when they may go. */
export class KvSweep {
  readonly #kv: Deno.Kv;
  readonly #root: Deno.KvKey;
  readonly #clock: () => number;
  #writes = 0;

  /**
   * @param kind one word for all entries that are swept together
   * @param clock milliseconds since 1970
   */
  constructor(kv: Deno.Kv, kind: string, clock: () => number = Date.now) {
    this.#kv = kv;
    this.#root = ["cipherlayer", "until", kind];
    this.#clock = clock;
  }

  /** Notes in the write that adds an entry when it may go, milliseconds since 1970. */
  note(change: Deno.AtomicOperation, entry: Deno.KvKey, endMs: number): void {
    change.set([...this.#root, endMs, ...entry], null);
  }

  /** To be awaited before each write: some of them sweep. */
  async beforeWrite(): Promise<void> {
    if (++this.#writes < writesPerSweep) return;
    this.#writes = 0;
    await whenUnlocked(async () => {
      const change = this.#kv.atomic();
      const over = this.#kv.list({
        start: [...this.#root, 0],
        end: [...this.#root, this.#clock()],
      }, { limit: 2 * writesPerSweep });
      for await (const { key } of over) {
        change.delete(key).delete(key.slice(this.#root.length + 1));
      }
      await change.commit();
    });
  }
}
