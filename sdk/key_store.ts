import type { PrivateKey } from "./paillier/private_key.ts";

/**
 * Where a gateway keeps its private key between runs. Implementations for files
 * (`FileKeyStore`) and for tests (`MemoryKeyStore`) come with the SDK; one of your
 * own best stores what `sealPrivateKey` returns.
 *
 * @example
 * ```ts
 * import { generatePrivateKey, type KeyStore, MemoryKeyStore } from "@cipherlayer/sdk";
 *
 * const store: KeyStore = new MemoryKeyStore();
 * let key = await store.load();
 * if (key === null) {
 *   key = await generatePrivateKey(2048);
 *   await store.save(key);
 * }
 * if (await store.fingerprint() !== key.publicKey.fingerprint) throw new Error("lost");
 * ```
 */
export interface KeyStore {
  /** The key, or null if none has been saved. */
  load(): Promise<PrivateKey | null>;
  /** Replaces the key: afterwards, or after a crash, either the old or the new one is there. */
  save(key: PrivateKey): Promise<void>;
  /** SHA-256 of the stored key's N, without opening it; null if there is none. */
  fingerprint(): Promise<string | null>;
}

/** Keeps the key for the life of the process only. */
export class MemoryKeyStore implements KeyStore {
  #key: PrivateKey | null = null;

  load(): Promise<PrivateKey | null> {
    return Promise.resolve(this.#key);
  }

  save(key: PrivateKey): Promise<void> {
    this.#key = key;
    return Promise.resolve();
  }

  fingerprint(): Promise<string | null> {
    return Promise.resolve(this.#key?.publicKey.fingerprint ?? null);
  }
}
