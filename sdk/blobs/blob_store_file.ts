/**
 * Runtime: Deno, Node and Bun (`node:fs`); not for browsers.
 *
 * @module
 */
import { bytesToHex } from "@noble/hashes/utils.js";
import fs from "node:fs/promises";
import { join } from "node:path";
import type { BlobStore } from "./blob_store.ts";
import { platformRandom } from "../support/random.ts";

/**
 * Keeps each blob in a file of a folder, readable by its owner only. Writing makes
 * a new file beside the old one, flushes it to the disk and renames it, so a
 * crash leaves one of the two whole (and at worst a `.tmp` file that nobody reads).
 *
 * @example
 * ```ts
 * import { FileBlobStore } from "@cipherlayer/sdk/blob-store-file";
 *
 * const store = new FileBlobStore(await Deno.makeTempDir());
 * await store.write("greeting", new TextEncoder().encode("hello"));
 * const bytes = await store.read("greeting");
 * if (bytes?.length !== 5) throw new Error("lost");
 * ```
 */
export class FileBlobStore implements BlobStore {
  /** Where the files are. Made on the first write, if its parent is there. */
  readonly folder: string;

  /** A store that need not exist yet. */
  constructor(folder: string) {
    this.folder = folder;
  }

  /** The file's content, or null if there is none. */
  async read(name: string): Promise<Uint8Array<ArrayBuffer> | null> {
    try {
      return new Uint8Array(await fs.readFile(this.#path(name)));
    } catch (error) {
      return absent(error, null);
    }
  }

  /** Replaces the file at once. */
  async write(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const path = this.#path(name);
    await this.#makeFolder();
    const temporary = `${path}.${bytesToHex(platformRandom(6))}.tmp`;
    try {
      const file = await fs.open(temporary, "wx", 0o600);
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await fs.rename(temporary, path);
    } catch (error) {
      await fs.rm(temporary, { force: true });
      throw error;
    }
    await this.#syncFolder();
  }

  /** Removes the file, if it is there. */
  async remove(name: string): Promise<void> {
    await fs.rm(this.#path(name), { force: true });
    await this.#syncFolder();
  }

  /** Names of all files but temporary ones. */
  async list(): Promise<string[]> {
    try {
      const names = await fs.readdir(this.folder);
      return names.filter((name) => !name.endsWith(".tmp"));
    } catch (error) {
      return absent(error, []);
    }
  }

  #path(name: string): string {
    if (/[\\/\0]|^\.{0,2}$|\.tmp$/.test(name)) {
      throw new RangeError(
        `Cannot use "${name}": expected the name of a file, not ending in .tmp`,
      );
    }
    return join(this.folder, name);
  }

  async #makeFolder(): Promise<void> {
    try {
      await fs.mkdir(this.folder, { mode: 0o700 });
    } catch (error) {
      if ((error as { code?: string }).code !== "EEXIST") throw error;
    }
  }

  /** Makes a rename itself last; Windows cannot open folders and needs no such step. */
  async #syncFolder(): Promise<void> {
    let folder;
    try {
      folder = await fs.open(this.folder, "r");
    } catch {
      return;
    }
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}

function absent<T>(error: unknown, instead: T): T {
  if ((error as { code?: string }).code === "ENOENT") return instead;
  throw error;
}
