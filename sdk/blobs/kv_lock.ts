/**
 * A lock in Deno KV that one process at a time holds. Its holder beats: writes from
 * time to time. Who wants it and sees no beat for long takes it over. No clocks of
 * different machines are compared, and a process that lost the lock can no longer write
 * under it.
 *
 * @module
 */
import { bytesToHex } from "@noble/hashes/utils.js";
import type { Clock } from "../support/clock.ts";
import { platformRandom } from "../support/random.ts";
import type { KvAtomicLike, KvLike } from "./blob_store_kv.ts";

/** Three beats may be missed before another takes the lock over. */
const beatMs = 5_000, staleMs = 4 * beatMs;
const pollMs = 100;

/** Where a lock is: who holds it, and that the holder lives. */
interface LockKeys {
  holder: string[];
  beat: string[];
}

/** A lock that is held. */
export class KvLock {
  /** What is locked: a blob, or "" for the whole store. */
  readonly name: string;
  readonly #kv: KvLike;
  readonly #keys: LockKeys;
  /** Of the holder's entry, which is never written again while the lock is held. */
  readonly #versionstamp: string;
  readonly #stopBeating: () => void;

  private constructor(kv: KvLike, keys: LockKeys, versionstamp: string) {
    this.name = keys.holder[1];
    this.#kv = kv;
    this.#keys = keys;
    this.#versionstamp = versionstamp;
    this.#stopBeating = repeat(() => this.beat(), beatMs);
  }

  /**
   * Takes a lock that nobody holds, or whose holder has ended without letting go.
   *
   * @returns null as soon as the holder shows that it lives
   */
  static async take(
    kv: KvLike,
    prefix: string,
    name: string,
    clock: Clock,
  ): Promise<KvLock | null> {
    const keys = {
      holder: [`${prefix} lock`, name],
      beat: [`${prefix} beat`, name],
    };
    let first: string | null = null, sinceMs = clock.now();
    for (;;) {
      const holder = (await kv.get(keys.holder)).versionstamp;
      const beat = (await kv.get(keys.beat)).versionstamp;
      const seen = `${holder} ${beat}`;
      if (holder === null || (seen === first && isStale(sinceMs, clock))) {
        const taken = await kv.atomic()
          .check({ key: keys.holder, versionstamp: holder })
          .check({ key: keys.beat, versionstamp: beat })
          .set(keys.holder, bytesToHex(platformRandom(8)))
          .set(keys.beat, 0)
          .commit();
        if (taken.ok) return new KvLock(kv, keys, taken.versionstamp!);
        first = null;
        continue;
      }
      if (first === null) {
        first = seen;
        sinceMs = clock.now();
      } else if (seen !== first) return null;
      await clock.wait(pollMs);
    }
  }

  /** A change that takes place only while the lock is held. */
  guard(change: KvAtomicLike): KvAtomicLike {
    const { holder } = this.#keys;
    return change.check({ key: holder, versionstamp: this.#versionstamp });
  }

  /** Shows that the holder lives. */
  async beat(): Promise<void> {
    await this.guard(this.#kv.atomic()).set(this.#keys.beat, 0).commit();
  }

  /** Lets go, unless another has taken it over. */
  async release(): Promise<void> {
    this.#stopBeating();
    await this.guard(this.#kv.atomic()).delete(this.#keys.holder).commit();
  }
}

function isStale(sinceMs: number, clock: Clock): boolean {
  return clock.now() - sinceMs >= staleMs;
}

/** Calls again and again, without keeping the process from its end. */
function repeat(call: () => Promise<void>, everyMs: number): () => void {
  // A beat that fails is missing; the next may not.
  const timer = setInterval(() => call().catch(() => {}), everyMs);
  const { Deno: deno } = globalThis as {
    Deno?: { unrefTimer?(timer: number): void };
  };
  deno?.unrefTimer?.(Number(timer));
  return () => clearInterval(timer);
}
