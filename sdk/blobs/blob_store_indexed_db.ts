/**
 * Named blobs in a browser's IndexedDB.
 *
 * @module
 */
import type { BlobStore } from "./blob_store.ts";

/** Runtime: browsers (`indexedDB`). What is used of it, since not every runtime has its types. */
interface Database {
  createObjectStore(name: string): unknown;
  transaction(
    store: string,
    mode: "readonly" | "readwrite",
    options: { durability: "strict" },
  ): Transaction;
  close(): void;
}

interface Transaction {
  objectStore(name: string): ObjectStore;
  readonly error: unknown;
  oncomplete: () => void;
  onabort: () => void;
}

interface ObjectStore {
  get(key: string): Pending<unknown>;
  getAllKeys(): Pending<unknown[]>;
  put(value: unknown, key: string): Pending<unknown>;
  add(value: unknown, key: string): Pending<unknown>;
  delete(key: string): Pending<unknown>;
}

interface Pending<T> {
  readonly result: T;
  readonly error: unknown;
  onsuccess: () => void;
  onerror: () => void;
}

interface Factory {
  open(name: string, version: number): Pending<Database> & {
    onupgradeneeded: () => void;
  };
}

interface LockManager {
  request(
    name: string,
    options: { ifAvailable: true },
    use: (lock: unknown) => Promise<void> | void,
  ): Promise<unknown>;
}

const objectStore = "blobs";

/**
 * Keeps blobs in a database of the browser, for pages and workers of one origin.
 * Browsers may clear it when space runs short, unless the page asks for
 * `navigator.storage.persist()`.
 *
 * @example
 * ```ts ignore
 * import { IndexedDbBlobStore, openKey, SealedKeyStore } from "@cipherlayer/sdk";
 *
 * // In a page or worker; ask the user for the passphrase.
 * const store = new SealedKeyStore(new IndexedDbBlobStore(), passphrase);
 * const key = await openKey(store);
 * ```
 */
export class IndexedDbBlobStore implements BlobStore {
  /** Name of the database. */
  readonly database: string;

  /** A store that need not exist yet. */
  constructor(database = "cipherlayer") {
    this.database = database;
  }

  /** The blob, or null if there is none. */
  async read(name: string): Promise<Uint8Array<ArrayBuffer> | null> {
    const value = await this.#run("readonly", (blobs) => blobs.get(name));
    return value instanceof Uint8Array ? new Uint8Array(value) : null;
  }

  /** Replaces the blob at once, on the disk when this resolves. */
  async write(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#run("readwrite", (blobs) => blobs.put(bytes, name));
  }

  /** Writes the blob if there is none; of pages that do so at once one succeeds. */
  async create(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    try {
      await this.#run("readwrite", (blobs) => blobs.add(bytes, name));
      return true;
    } catch (error) {
      if ((error as { name?: string }).name === "ConstraintError") return false;
      throw error;
    }
  }

  /** Removes the blob, if it is there. */
  async remove(name: string): Promise<void> {
    await this.#run("readwrite", (blobs) => blobs.delete(name));
  }

  /** Names of all blobs. */
  async list(): Promise<string[]> {
    const names = await this.#run("readonly", (blobs) => blobs.getAllKeys());
    return names.map(String);
  }

  /**
   * Keeps other pages and workers of the origin from what concerns one blob, or out of
   * the database, by the browser's Web Locks; where it has none, nobody. A page that
   * goes lets go.
   */
  lock(blob?: string): Promise<(() => Promise<void>) | null> {
    const { navigator } = globalThis as {
      navigator?: { locks?: LockManager };
    };
    const locks = navigator?.locks;
    if (!locks) return Promise.resolve(() => Promise.resolve());
    return new Promise((resolve, reject) => {
      const whole = `cipherlayer ${this.database}`;
      const name = blob === undefined ? whole : `${whole} ${blob}`;
      const held = locks.request(name, { ifAvailable: true }, (lock) => {
        if (lock === null) return resolve(null);
        // Held until this resolves.
        return new Promise<void>((release) => {
          resolve(async () => {
            release();
            await held;
          });
        });
      });
      held.catch(reject);
    });
  }

  /** One transaction in a separate connection, so that none stays open. */
  async #run<T>(
    mode: "readonly" | "readwrite",
    ask: (blobs: ObjectStore) => Pending<T>,
  ): Promise<T> {
    const database = await this.#open();
    try {
      const transaction = database.transaction(objectStore, mode, {
        durability: "strict",
      });
      const asked = ask(transaction.objectStore(objectStore));
      await new Promise<void>((done, failed) => {
        transaction.oncomplete = done;
        transaction.onabort = () => failed(transaction.error);
      });
      return asked.result;
    } finally {
      database.close();
    }
  }

  #open(): Promise<Database> {
    const { indexedDB } = globalThis as unknown as { indexedDB?: Factory };
    if (!indexedDB) {
      throw new TypeError(
        "Cannot open database: expected a browser with IndexedDB",
      );
    }
    const request = indexedDB.open(this.database, 1);
    return new Promise((done, failed) => {
      request.onupgradeneeded = () =>
        request.result.createObjectStore(objectStore);
      request.onsuccess = () => done(request.result);
      request.onerror = () => failed(request.error);
    });
  }
}
