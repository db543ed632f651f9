/**
 * Runtime: Deno, Node and Bun (`node:fs`); not for browsers.
 *
 * @module
 */
import { basename, dirname } from "node:path";
import { FileBlobStore } from "../blobs/blob_store_file.ts";
import type { SealingOptions } from "./key_sealing.ts";
import { SealedKeyStore } from "./key_store_sealed.ts";

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

  /**
   * A store that need not exist yet.
   *
   * @throws {RangeError} on an empty passphrase
   */
  constructor(path: string, passphrase: string, options: SealingOptions = {}) {
    super(new FileBlobStore(dirname(path)), passphrase, {
      ...options,
      name: basename(path),
    });
    this.path = path;
  }
}
