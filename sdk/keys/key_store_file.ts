/**
 * Runtime: Deno, Node and Bun (`node:fs`); not for browsers.
 *
 * @module
 */
import { basename, dirname } from "node:path";
import type { PrivateKey } from "../paillier/private/private_key.ts";
import { FileBlobStore } from "../blobs/blob_store_file.ts";
import type { SealingOptions } from "./key_sealing.ts";
import { findLooseModes } from "./file_modes.ts";
import { SealedKeyStore } from "./key_store_sealed.ts";

/** Options of {@linkcode FileKeyStore}. */
export interface FileKeyStoreOptions extends SealingOptions {
  /**
   * Called when a key is opened that other users of this machine may read or replace.
   *
   * @default console.warn
   */
  onWarning?: (message: string) => void;
}

/**
 * Keeps the key in a file, sealed by a passphrase (scrypt, AES-256-GCM), readable
 * by its owner only; retired keys lie beside it, in `<file>.<fingerprint>`. Files
 * are replaced at once and flushed to the disk, so that a crash loses no key.
 *
 * @example
 * ```ts
 * import { openKey } from "@cipherlayer/sdk";
 * import { FileKeyStore } from "@cipherlayer/sdk/key-store-file";
 *
 * const path = `${await Deno.makeTempDir()}/gateway.key`;
 * const store = new FileKeyStore(path, "correct horse battery staple");
 * const key = await openKey(store); // made on the first run
 * if (key.publicKey.modulusBits !== 2048) throw new Error("lost");
 * ```
 */
export class FileKeyStore extends SealedKeyStore {
  /** Where the current key is. */
  readonly path: string;
  readonly #warn: (message: string) => void;

  /**
   * A store that need not exist yet.
   *
   * @throws {RangeError} on an empty passphrase
   */
  constructor(
    path: string,
    passphrase: string,
    options: FileKeyStoreOptions = {},
  ) {
    super(new FileBlobStore(dirname(path)), passphrase, {
      ...options,
      name: basename(path),
    });
    this.path = path;
    this.#warn = options.onWarning ?? ((message) => console.warn(message));
  }

  /** As in {@linkcode SealedKeyStore}; warns of modes that let others in. */
  override async load(fingerprint?: string): Promise<PrivateKey | null> {
    const key = await super.load(fingerprint);
    if (key) {
      for (const fault of await findLooseModes(this.path)) {
        this.#warn(`Key of a gateway: ${fault}`);
      }
    }
    return key;
  }
}
