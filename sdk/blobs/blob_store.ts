/**
 * What storage must offer to keys and queues, and a store in memory.
 *
 * @module
 */
/**
 * Small named blobs that outlive the process: where sealed keys and queued
 * readings lie. Folders (`FileBlobStore`), IndexedDB and Deno KV come with the
 * SDK; these four methods over anything else make keys and queue work there too.
 *
 * Only sealed or encrypted bytes are ever written to it, and names of models with the
 * digests of their contracts.
 *
 * @example
 * ```ts
 * import { type BlobStore, MemoryBlobStore } from "@cipherlayer/sdk";
 *
 * const store: BlobStore = new MemoryBlobStore();
 * await store.write("a", Uint8Array.of(1, 2));
 * if ((await store.list()).join() !== "a") throw new Error("lost");
 * await store.remove("a");
 * if (await store.read("a") !== null) throw new Error("still there");
 * ```
 */
export interface BlobStore {
  /** The blob, or null if there is none. */
  read(name: string): Promise<Uint8Array<ArrayBuffer> | null>;
  /**
   * Replaces the blob at once: after a crash there is the old value or the new
   * one, whole; when this resolves, the new one, whatever happens.
   */
  write(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /**
   * Writes the blob if there is none, and tells whether it did: of many processes
   * that do so at once one does. Where it is missing, `write` takes its place.
   */
  create?(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<boolean>;
  /** Removes the blob, if it is there. */
  remove(name: string): Promise<void>;
  /** Names of all blobs, in any order. */
  list(): Promise<string[]>;
  /**
   * Keeps other processes out of the store, or from what concerns one blob, where the
   * store can: resolves to what lets them in again, or to null if another holds it.
   */
  lock?(name?: string): Promise<(() => Promise<void>) | null>;
}

/**
 * Keeps blobs for the life of the process only.
 *
 * @example
 * ```ts
 * import { MemoryBlobStore } from "@cipherlayer/sdk";
 *
 * const store = new MemoryBlobStore();
 * await store.write("state", Uint8Array.of(7));
 * if ((await store.read("state"))?.[0] !== 7) throw new Error("lost");
 * ```
 */
export class MemoryBlobStore implements BlobStore {
  readonly #blobs = new Map<string, Uint8Array<ArrayBuffer>>();

  /** The blob, or null if there is none. */
  read(name: string): Promise<Uint8Array<ArrayBuffer> | null> {
    return Promise.resolve(this.#blobs.get(name)?.slice() ?? null);
  }

  /** Replaces the blob. */
  write(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#blobs.set(name, bytes.slice());
    return Promise.resolve();
  }

  /** Writes the blob if there is none, and tells whether it did. */
  create(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    if (this.#blobs.has(name)) return Promise.resolve(false);
    this.#blobs.set(name, bytes.slice());
    return Promise.resolve(true);
  }

  /** Removes the blob, if it is there. */
  remove(name: string): Promise<void> {
    this.#blobs.delete(name);
    return Promise.resolve();
  }

  /** Names of all blobs. */
  list(): Promise<string[]> {
    return Promise.resolve([...this.#blobs.keys()]);
  }
}
