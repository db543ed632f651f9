/**
 * Named blobs in Deno KV.
 *
 * @module
 */
import { type Clock, platformClock } from "../support/clock.ts";
import { CipherlayerError } from "../support/errors.ts";
import type { BlobStore } from "./blob_store.ts";
import { KvLock } from "./kv_lock.ts";

/**
 * What is used of `Deno.Kv`, so that this module loads everywhere.
 *
 * @example
 * ```ts
 * import { KvBlobStore, type KvLike } from "@cipherlayer/sdk";
 *
 * const open = async (kv: KvLike) => await new KvBlobStore(kv).list();
 * console.log(typeof open); // open(await Deno.openKv())
 * ```
 */
export interface KvLike {
  /** The value of a key, and its version; null if there is none. */
  get(key: string[]): Promise<{ value: unknown; versionstamp: string | null }>;
  /** Changes that take place together, if what they check holds. */
  atomic(): KvAtomicLike;
  /** All entries whose keys begin so. */
  list(
    selector: { prefix: string[] },
  ): AsyncIterable<{ key: readonly unknown[] }>;
}

/**
 * What is used of `Deno.AtomicOperation`.
 *
 * @example
 * ```ts
 * import type { KvAtomicLike } from "@cipherlayer/sdk";
 *
 * const writeOnce = (atomic: KvAtomicLike, key: string[], value: unknown) =>
 *   atomic.check({ key, versionstamp: null }).set(key, value).commit();
 * console.log(typeof writeOnce); // writeOnce(kv.atomic(), ["greeting"], "hello")
 * ```
 */
export interface KvAtomicLike {
  /** Holds if the key has this version; null: if it is not there. */
  check(expected: { key: string[]; versionstamp: string | null }): this;
  /** Replaces a value. */
  set(key: string[], value: unknown): this;
  /** Removes a key. */
  delete(key: string[]): this;
  /** Makes the changes, and tells whether it did, and their version. */
  commit(): Promise<{ ok: boolean; versionstamp?: string }>;
}

/**
 * Keeps blobs in Deno KV, at most 64 KiB each: local, or shared by the instances
 * of a deployment.
 *
 * @example
 * ```ts ignore
 * // deno run --unstable-kv ...
 * const store = new KvBlobStore(await Deno.openKv());
 * ```
 */
export class KvBlobStore implements BlobStore {
  readonly #kv: KvLike;
  readonly #prefix: string;
  readonly #clock: Clock;
  /** Locks that are held here: without all of them nothing is written. */
  readonly #locks = new Set<KvLock>();

  /**
   * The blobs of an open database whose keys begin with `prefix`.
   *
   * @param options.clock by which a lock counts as left behind (the platform's if absent)
   */
  constructor(
    kv: KvLike,
    prefix = "cipherlayer",
    options: { clock?: Clock } = {},
  ) {
    this.#kv = kv;
    this.#prefix = prefix;
    this.#clock = options.clock ?? platformClock;
  }

  /** The blob, or null if there is none. */
  async read(name: string): Promise<Uint8Array<ArrayBuffer> | null> {
    const { value } = await this.#kv.get([this.#prefix, name]);
    return value instanceof Uint8Array ? new Uint8Array(value) : null;
  }

  /** Replaces the blob at once. */
  async write(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const change = this.#change().set([this.#prefix, name], bytes);
    await this.#commit(change);
  }

  /** Writes the blob if there is none; of instances that do so at once one succeeds. */
  async create(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    const key = [this.#prefix, name];
    const change = this.#change()
      .check({ key, versionstamp: null })
      .set(key, bytes);
    if ((await change.commit()).ok) return true;
    if (await this.read(name) !== null) return false;
    throw this.#lost();
  }

  /** Removes the blob, if it is there. */
  async remove(name: string): Promise<void> {
    await this.#commit(this.#change().delete([this.#prefix, name]));
  }

  /** Names of all blobs. */
  async list(): Promise<string[]> {
    const names: string[] = [];
    for await (const { key } of this.#kv.list({ prefix: [this.#prefix] })) {
      names.push(String(key[1]));
    }
    return names;
  }

  /**
   * Keeps other processes, of any machine, from what concerns one blob, or out of the
   * store. One that ended without letting go holds it for another 20 seconds; one that
   * was halted for longer than that can write nothing more.
   */
  async lock(name?: string): Promise<(() => Promise<void>) | null> {
    const lock = await KvLock.take(
      this.#kv,
      this.#prefix,
      name ?? "",
      this.#clock,
    );
    if (lock === null) return null;
    this.#locks.add(lock);
    return async () => {
      this.#locks.delete(lock);
      await lock.release();
    };
  }

  #change(): KvAtomicLike {
    return [...this.#locks].reduce(
      (change, lock) => lock.guard(change),
      this.#kv.atomic(),
    );
  }

  async #commit(change: KvAtomicLike): Promise<void> {
    if (!(await change.commit()).ok) throw this.#lost();
  }

  #lost(): CipherlayerError {
    const isQueue = [...this.#locks].some(({ name }) => name === "");
    return new CipherlayerError(
      isQueue ? "queue-locked" : "key-locked",
      "Cannot write blob: expected the store's lock, got one that another process has taken over",
    );
  }
}
