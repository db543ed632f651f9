/**
 * A key store over any blob store: keys are sealed before they reach it.
 *
 * @module
 */
import type { BlobStore } from "../blobs/blob_store.ts";
import {
  fingerprintOfSealed,
  isRetired,
  retireSealed,
  type SealingOptions,
  sealPrivateKey,
  unsealPrivateKey,
} from "./key_sealing.ts";
import { BlobContractStore, type ContractStore } from "./contract_store.ts";
import { platformClock } from "../support/clock.ts";
import { CipherlayerError } from "../support/errors.ts";
import type { KeyStore } from "./key_store.ts";
import type { PrivateKey } from "../paillier/private/private_key.ts";

/** Saving takes two writes: half a minute is far more than any takes. */
const maxLockTries = 600, lockPauseMs = 50;

/**
 * Options of {@linkcode SealedKeyStore}.
 *
 * @example
 * ```ts
 * import type { SealedKeyStoreOptions } from "@cipherlayer/sdk";
 *
 * const options: SealedKeyStoreOptions = { name: "kitchen" };
 * console.log(options); // new SealedKeyStore(blobs, passphrase, options)
 * ```
 */
export interface SealedKeyStoreOptions extends SealingOptions {
  /**
   * Blob of the current key; retired ones are `<name>.<fingerprint>`.
   *
   * @default "key"
   */
  name?: string;
}

/**
 * Keeps keys sealed by a passphrase (scrypt, AES-256-GCM) in any `BlobStore`.
 *
 * @example In a browser `new IndexedDbBlobStore()`, in Deno KV `new KvBlobStore(kv)`
 * ```ts
 * import { MemoryBlobStore, openKey, SealedKeyStore } from "@cipherlayer/sdk";
 *
 * const blobs = new MemoryBlobStore();
 * const store = new SealedKeyStore(blobs, "correct horse battery staple");
 * const key = await openKey(store);
 * const again = await store.load();
 * if (again?.publicKey.modulus !== key.publicKey.modulus) throw new Error("lost");
 * ```
 */
export class SealedKeyStore implements KeyStore {
  readonly #blobs: BlobStore;
  readonly #passphrase: string;
  readonly #options: SealedKeyStoreOptions;
  readonly #name: string;
  /** The contracts of the models that were used, beside the key. */
  readonly contracts: ContractStore;

  /**
   * A store that may be empty yet.
   *
   * @throws {RangeError} on an empty passphrase
   */
  constructor(
    blobs: BlobStore,
    passphrase: string,
    options: SealedKeyStoreOptions = {},
  ) {
    // An environment variable that is not set comes here from JavaScript.
    if (typeof passphrase !== "string" || passphrase === "") {
      throw new RangeError(
        "Cannot open key store: expected a passphrase, got none",
      );
    }
    this.#blobs = blobs;
    this.#passphrase = passphrase;
    this.#options = options;
    this.#name = options.name ?? "key";
    this.contracts = new BlobContractStore(blobs, this.#name);
  }

  /**
   * Opens the current key, or the one that is named, current or retired.
   *
   * @returns the key, or null if there is none
   * @throws {CipherlayerError} "key-corrupt", also where another key is found than
   * the one that is named, or a retired one in the current one's place, or "wrong-passphrase"
   */
  async load(fingerprint?: string): Promise<PrivateKey | null> {
    const bytes = fingerprint === undefined
      ? await this.#readCurrent()
      : await this.#readNamed(fingerprint);
    const key = bytes && await unsealPrivateKey(bytes, this.#passphrase);
    const opened = key?.publicKey.fingerprint;
    if (key && fingerprint !== undefined && opened !== fingerprint) {
      throw new CipherlayerError(
        "key-corrupt",
        `Cannot open key ${fingerprint.slice(0, 16)}: its file holds ${
          opened?.slice(0, 16)
        }`,
      );
    }
    return key;
  }

  /**
   * Seals a key and makes it the current one. The one before is copied first, still
   * sealed by its own passphrase, so that no moment is without it. Where the blobs have
   * a lock, processes that save at once do so one after another, and none loses a key.
   *
   * @throws {CipherlayerError} "key-locked" if another process holds the lock for long
   */
  async save(key: PrivateKey): Promise<void> {
    const sealed = await sealPrivateKey(key, this.#passphrase, this.#options);
    const unlock = await this.#lock();
    try {
      const old = await this.#blobs.read(this.#name);
      if (old) {
        const retired = this.#retiredName(fingerprintOfSealed(old));
        await this.#blobs.write(retired, retireSealed(old));
      }
      await this.#blobs.write(this.#name, sealed);
    } finally {
      await unlock();
    }
  }

  async #lock(): Promise<() => Promise<void>> {
    if (!this.#blobs.lock) return () => Promise.resolve();
    for (let tries = 0; tries < maxLockTries; tries++) {
      const unlock = await this.#blobs.lock(this.#name);
      if (unlock) return unlock;
      await platformClock.wait(lockPauseMs);
    }
    throw new CipherlayerError(
      "key-locked",
      "Cannot save key: expected a key store that is free, got one that another process saves to",
      { retryable: true },
    );
  }

  /** Seals a first key, unless another process has sealed one meanwhile. */
  async create(key: PrivateKey): Promise<boolean> {
    const sealed = await sealPrivateKey(key, this.#passphrase, this.#options);
    if (this.#blobs.create) return await this.#blobs.create(this.#name, sealed);
    if (await this.#blobs.read(this.#name)) return false;
    await this.#blobs.write(this.#name, sealed);
    return true;
  }

  /**
   * SHA-256 of the current key's N, without the passphrase; null if there is none.
   *
   * @throws {CipherlayerError} "key-corrupt"
   */
  async fingerprint(): Promise<string | null> {
    const bytes = await this.#readCurrent();
    return bytes && fingerprintOfSealed(bytes);
  }

  /** Fingerprints of the retired keys. */
  async listRetired(): Promise<string[]> {
    const current = await this.fingerprint();
    const prefix = this.#retiredName("");
    return (await this.#blobs.list())
      .filter((name) => name.startsWith(prefix))
      .map((name) => name.slice(prefix.length))
      .filter((name) => /^[0-9a-f]{64}$/.test(name) && name !== current);
  }

  /** Removes a retired key. */
  async forget(fingerprint: string): Promise<void> {
    await this.#blobs.remove(this.#retiredName(fingerprint));
  }

  /** @throws {CipherlayerError} "key-corrupt" if a retired key was put in its place */
  async #readCurrent(): Promise<Uint8Array<ArrayBuffer> | null> {
    const bytes = await this.#blobs.read(this.#name);
    if (bytes && isRetired(bytes)) {
      const fingerprint = fingerprintOfSealed(bytes);
      throw new CipherlayerError(
        "key-corrupt",
        `Cannot open the current key: expected one in use, got ${
          fingerprint.slice(0, 16)
        }, which was retired; load it by its fingerprint and save it to use it again`,
      );
    }
    return bytes;
  }

  async #readNamed(
    fingerprint: string,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    const retired = await this.#blobs.read(this.#retiredName(fingerprint));
    if (retired) return retired;
    const current = await this.#blobs.read(this.#name);
    return current && fingerprintOfSealed(current) === fingerprint
      ? current
      : null;
  }

  #retiredName(fingerprint: string): string {
    return `${this.#name}.${fingerprint}`;
  }
}
