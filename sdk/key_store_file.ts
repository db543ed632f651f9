/**
 * Runtime: Deno, Node and Bun (`node:fs`); not for browsers.
 *
 * @module
 */
import { open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { bytesToHex } from "@noble/hashes/utils.js";
import {
  openPrivateKey,
  sealedFingerprint,
  type SealingOptions,
  sealPrivateKey,
} from "./key_sealing.ts";
import type { KeyStore } from "./key_store.ts";
import type { PrivateKey } from "./paillier/private_key.ts";
import { platformRandom } from "./random.ts";

/**
 * Keeps the key in a file, sealed by a passphrase (scrypt, AES-256-GCM), readable
 * by its owner only. Saving writes a new file beside the old one, flushes it to
 * the disk and renames it, so a crash leaves one of the two whole.
 *
 * @example
 * ```ts
 * import { generatePrivateKey } from "@cipherlayer/sdk";
 * import { FileKeyStore } from "@cipherlayer/sdk/key-store-file";
 *
 * const path = `${await Deno.makeTempDir()}/gateway.key`;
 * const store = new FileKeyStore(path, "correct horse battery staple");
 * await store.save(await generatePrivateKey(2048));
 * const key = await store.load();
 * if (key?.publicKey.modulusBits !== 2048) throw new Error("lost");
 * ```
 */
export class FileKeyStore implements KeyStore {
  /** Where the key is. */
  readonly path: string;
  readonly #passphrase: string;
  readonly #options: SealingOptions;

  /**
   * A store that need not exist yet.
   *
   * @throws {RangeError} on an empty passphrase
   */
  constructor(path: string, passphrase: string, options: SealingOptions = {}) {
    if (passphrase === "") {
      throw new RangeError(
        "Cannot open key store: expected a passphrase, got an empty one",
      );
    }
    this.path = path;
    this.#passphrase = passphrase;
    this.#options = options;
  }

  /**
   * Opens the key.
   *
   * @returns the key, or null if there is no file
   * @throws {CipherlayerError} "key-corrupt" or "wrong-passphrase"
   */
  async load(): Promise<PrivateKey | null> {
    const bytes = await this.#read();
    return bytes && await openPrivateKey(bytes, this.#passphrase);
  }

  /** Seals the key and replaces the file at once. */
  async save(key: PrivateKey): Promise<void> {
    const bytes = await sealPrivateKey(key, this.#passphrase, this.#options);
    const temporary = `${this.path}.${bytesToHex(platformRandom(6))}.tmp`;
    try {
      const file = await open(temporary, "wx", 0o600);
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, this.path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    await syncDirectory(dirname(this.path));
  }

  /**
   * SHA-256 of the stored key's N, without the passphrase; null if there is no file.
   *
   * @throws {CipherlayerError} "key-corrupt"
   */
  async fingerprint(): Promise<string | null> {
    const bytes = await this.#read();
    return bytes && sealedFingerprint(bytes);
  }

  async #read(): Promise<Uint8Array | null> {
    try {
      return await readFile(this.path);
    } catch (error) {
      if ((error as { code?: string }).code === "ENOENT") return null;
      throw error;
    }
  }
}

/** Makes the rename itself last; Windows cannot open folders and needs no such step. */
async function syncDirectory(path: string): Promise<void> {
  let folder;
  try {
    folder = await open(path, "r");
  } catch {
    return;
  }
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
