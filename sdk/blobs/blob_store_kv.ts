import type { BlobStore } from "./blob_store.ts";

/** What is used of `Deno.Kv`, so that this module loads everywhere. */
export interface KvLike {
  /** The value of a key, or null. */
  get(key: string[]): Promise<{ value: unknown }>;
  /** Replaces a value. */
  set(key: string[], value: unknown): Promise<unknown>;
  /** Changes that take place together, if what they check holds. */
  atomic(): KvAtomicLike;
  /** Removes a key. */
  delete(key: string[]): Promise<void>;
  /** All entries whose keys begin so. */
  list(
    selector: { prefix: string[] },
  ): AsyncIterable<{ key: readonly unknown[] }>;
}

/** What is used of `Deno.AtomicOperation`. */
export interface KvAtomicLike {
  /** Holds if the key has this version; null: if it is not there. */
  check(expected: { key: string[]; versionstamp: string | null }): this;
  /** Replaces a value. */
  set(key: string[], value: unknown): this;
  /** Makes the changes, and tells whether it did. */
  commit(): Promise<{ ok: boolean }>;
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

  /** The blobs of an open database whose keys begin with `prefix`. */
  constructor(kv: KvLike, prefix = "cipherlayer") {
    this.#kv = kv;
    this.#prefix = prefix;
  }

  /** The blob, or null if there is none. */
  async read(name: string): Promise<Uint8Array<ArrayBuffer> | null> {
    const { value } = await this.#kv.get([this.#prefix, name]);
    return value instanceof Uint8Array ? new Uint8Array(value) : null;
  }

  /** Replaces the blob at once. */
  async write(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#kv.set([this.#prefix, name], bytes);
  }

  /** Writes the blob if there is none; of instances that do so at once one succeeds. */
  async create(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    const key = [this.#prefix, name];
    const { ok } = await this.#kv.atomic()
      .check({ key, versionstamp: null })
      .set(key, bytes)
      .commit();
    return ok;
  }

  /** Removes the blob, if it is there. */
  async remove(name: string): Promise<void> {
    await this.#kv.delete([this.#prefix, name]);
  }

  /** Names of all blobs. */
  async list(): Promise<string[]> {
    const names: string[] = [];
    for await (const { key } of this.#kv.list({ prefix: [this.#prefix] })) {
      names.push(String(key[1]));
    }
    return names;
  }
}
