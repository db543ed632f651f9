/**
 * Where a gateway keeps its private keys, and how it opens and rotates them.
 *
 * @module
 */
import { type ContractStore, MemoryContractStore } from "./contract_store.ts";
import {
  generatePrivateKey,
  type KeyGenerationOptions,
} from "../paillier/private/key_generation.ts";
import { CipherlayerError } from "../support/errors.ts";
import type { PrivateKey } from "../paillier/private/private_key.ts";

/**
 * Where a gateway keeps its private keys between runs: the current one, and
 * retired ones that queued readings may still need. `SealedKeyStore` keeps them
 * under a passphrase in a folder, IndexedDB, Deno KV or a `BlobStore` of your own.
 *
 * @example
 * ```ts
 * import { type KeyStore, MemoryKeyStore, openKey, rotateKey } from "@cipherlayer/sdk";
 *
 * const store: KeyStore = new MemoryKeyStore();
 * const key = await openKey(store); // made on the first run
 * const next = await rotateKey(store);
 * if (await store.fingerprint() !== next.publicKey.fingerprint) throw new Error("lost");
 * if ((await store.listRetired())[0] !== key.publicKey.fingerprint) throw new Error("lost");
 * ```
 */
export interface KeyStore {
  /** The current key, or the one that is named, current or retired; null if there is none. */
  load(fingerprint?: string): Promise<PrivateKey | null>;
  /**
   * Makes a key the current one and retires the one before. After a crash either
   * the old or the new one is current, and the old one is there in any case.
   */
  save(key: PrivateKey): Promise<void>;
  /**
   * Saves a first key, unless another process has saved one meanwhile.
   *
   * @returns false if there is a key already; it stays
   */
  create?(key: PrivateKey): Promise<boolean>;
  /** SHA-256 of the current key's N, without opening it; null if there is none. */
  fingerprint(): Promise<string | null>;
  /** Fingerprints of the retired keys, in any order. */
  listRetired(): Promise<string[]>;
  /** Destroys a retired key; nothing that was encrypted under it can be read again. */
  forget(fingerprint: string): Promise<void>;
  /**
   * Which contract each model had when a gateway with this key first used it. Where it
   * is missing, a contract is known for the life of a session.
   */
  readonly contracts?: ContractStore;
}

/**
 * How {@linkcode openKey} makes a key and {@linkcode rotateKey} the next one.
 *
 * @example
 * ```ts
 * import type { NewKeyOptions } from "@cipherlayer/sdk";
 *
 * const options: NewKeyOptions = { bits: 3072 };
 * console.log(options); // openKey(store, options), rotateKey(store, options)
 * ```
 */
export interface NewKeyOptions extends KeyGenerationOptions {
  /**
   * Bits of N. The number of primes does not follow the key that is replaced.
   *
   * @default 2048, or those of the key that is replaced
   */
  bits?: number;
}

/**
 * How {@linkcode openKey} opens a store.
 *
 * @example
 * ```ts
 * import type { OpenKeyOptions } from "@cipherlayer/sdk";
 *
 * const options: OpenKeyOptions = { create: false }; // a missing key is an error
 * console.log(options); // openKey(store, options)
 * ```
 */
export interface OpenKeyOptions extends NewKeyOptions {
  /**
   * Whether a store without a key gets a new one.
   *
   * @default true
   */
  create?: boolean;
  /**
   * Told of a key that was made and saved here: the gateway has a new identity. On any
   * run but the first it has lost its old one, and what was encrypted under it.
   */
  onNewKey?: (key: PrivateKey) => void;
}

/**
 * The store's current key; on the first run a new one is made and saved. Of many
 * processes that do so at once, all get the key of the first, where the store can
 * `create`.
 *
 * @throws {CipherlayerError} "key-missing" if the store holds no key and `create` is false
 *
 * @example
 * ```ts
 * import { MemoryKeyStore, openKey } from "@cipherlayer/sdk";
 *
 * const store = new MemoryKeyStore();
 * const made = await openKey(store);
 * const again = await openKey(store, { create: false });
 * if (again.publicKey.modulus !== made.publicKey.modulus) throw new Error("another key");
 * ```
 */
export async function openKey(
  store: KeyStore,
  options: OpenKeyOptions = {},
): Promise<PrivateKey> {
  const stored = await store.load();
  if (stored) return stored;
  if (options.create === false) {
    throw new CipherlayerError(
      "key-missing",
      "Cannot open key: expected a key in the store, got none",
    );
  }
  const key = await generatePrivateKey(options.bits, options);
  if (!store.create) await store.save(key);
  else if (!await store.create(key)) return await openKey(store, options);
  options.onNewKey?.(key);
  return key;
}

/**
 * Makes a new key and makes it the store's current one; the old one is retired.
 * The old one is opened first, so that a wrong passphrase is noticed before it
 * seals anything.
 *
 * @returns the new key
 * @throws {TypeError} if the store holds no key
 *
 * @example
 * ```ts
 * import { MemoryKeyStore, openKey, rotateKey } from "@cipherlayer/sdk";
 *
 * const store = new MemoryKeyStore();
 * const old = await openKey(store);
 * await rotateKey(store);
 * // Readings that wait under the old key can still be opened.
 * const [retired] = await store.listRetired();
 * if (retired !== old.publicKey.fingerprint) throw new Error("lost");
 * ```
 */
export async function rotateKey(
  store: KeyStore,
  options: NewKeyOptions = {},
): Promise<PrivateKey> {
  const old = await store.load();
  if (!old) {
    throw new TypeError("Cannot rotate key: expected a key in the store");
  }
  const { bits = old.publicKey.modulusBits } = options;
  const key = await generatePrivateKey(bits, options);
  await store.save(key);
  return key;
}

/**
 * Keeps keys for the life of the process only.
 *
 * @example
 * ```ts
 * import { MemoryKeyStore, openKey } from "@cipherlayer/sdk";
 *
 * const store = new MemoryKeyStore();
 * const key = await openKey(store);
 * if (await store.fingerprint() !== key.publicKey.fingerprint) throw new Error("another key");
 * ```
 */
export class MemoryKeyStore implements KeyStore {
  readonly #keys = new Map<string, PrivateKey>();
  #current: string | null = null;
  /** The contracts of the models that were used. */
  readonly contracts: ContractStore = new MemoryContractStore();

  /** The current key, or the one that is named; null if there is none. */
  load(fingerprint?: string): Promise<PrivateKey | null> {
    const wanted = fingerprint ?? this.#current;
    return Promise.resolve(this.#keys.get(wanted ?? "") ?? null);
  }

  /** Makes a key the current one and retires the one before. */
  save(key: PrivateKey): Promise<void> {
    this.#current = key.publicKey.fingerprint;
    this.#keys.set(this.#current, key);
    return Promise.resolve();
  }

  /** Fingerprint of the current key; null if there is none. */
  fingerprint(): Promise<string | null> {
    return Promise.resolve(this.#current);
  }

  /** Fingerprints of the retired keys. */
  listRetired(): Promise<string[]> {
    const names = [...this.#keys.keys()];
    return Promise.resolve(names.filter((name) => name !== this.#current));
  }

  /** Drops a retired key. */
  forget(fingerprint: string): Promise<void> {
    if (fingerprint !== this.#current) this.#keys.delete(fingerprint);
    return Promise.resolve();
  }
}
