/**
 * Runtime: Deno, Node and Bun (`node:fs`); not for browsers.
 *
 * @module
 */
import { bytesToHex } from "@noble/hashes/utils.js";
import fs from "node:fs/promises";
import { join } from "node:path";
import type { BlobStore } from "./blob_store.ts";
import { lockFile } from "./folder_lock.ts";
import { platformRandom } from "../support/random.ts";

const lockName = ".lock";
const temporaryName = /\.[0-9a-f]{12}\.tmp$/;

/**
 * Keeps each blob in a file of a folder, readable by its owner only. Writing makes
 * a new file beside the old one, flushes it to the disk and renames it, so a
 * crash leaves one of the two whole (and at worst a `.tmp` file that nobody reads,
 * and that the next lock sweeps away).
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

  /**
   * Replaces the file at once.
   *
   * @throws {Error} if a symbolic link is in its place: replacing it would leave
   * what it points to as it was
   */
  async write(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const path = this.#path(name);
    if (await isLink(path)) {
      throw new Error(
        `Cannot write ${path}: expected a file, got a symbolic link; give the path of what it points to`,
      );
    }
    await this.#place(path, bytes, fs.rename);
  }

  /** Makes the file if there is none; of many that do so at once one succeeds. */
  async create(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    const path = this.#path(name);
    try {
      await this.#place(path, bytes, async (temporary, path) => {
        await fs.link(temporary, path);
        await fs.rm(temporary);
      });
      return true;
    } catch (error) {
      if ((error as { code?: string }).code === "EEXIST") return false;
      throw error;
    }
  }

  /** Removes the file, if it is there. */
  async remove(name: string): Promise<void> {
    await fs.rm(this.#path(name), { force: true });
    await this.#syncFolder();
  }

  /** Names of all files but temporary ones and locks. */
  async list(): Promise<string[]> {
    try {
      const entries = await fs.readdir(this.folder, { withFileTypes: true });
      return entries.flatMap((entry) =>
        entry.isDirectory() || entry.name.endsWith(lockName) ||
          entry.name.endsWith(".tmp")
          ? []
          : [entry.name]
      );
    } catch (error) {
      return absent(error, []);
    }
  }

  /**
   * Keeps other processes of this machine from what concerns one file, or out of the
   * folder; then it also removes the temporary files that a crash left there.
   */
  async lock(name?: string): Promise<(() => Promise<void>) | null> {
    await this.#makeFolder();
    if (name !== undefined) return await lockFile(this.#path(name) + lockName);
    const unlock = await lockFile(join(this.folder, lockName));
    if (unlock) {
      for (const name of await fs.readdir(this.folder)) {
        if (temporaryName.test(name)) {
          await fs.rm(join(this.folder, name), { force: true });
        }
      }
    }
    return unlock;
  }

  #path(name: string): string {
    if (/[\\/\0]|^\.{0,2}$|\.(tmp|lock)$/.test(name)) {
      throw new RangeError(
        `Cannot use "${name}": expected the name of a file, not ending in .tmp or .lock`,
      );
    }
    return join(this.folder, name);
  }

  /** Flushes the bytes to a temporary file, then puts it at `path`. */
  async #place(
    path: string,
    bytes: Uint8Array<ArrayBuffer>,
    put: (temporary: string, path: string) => Promise<void>,
  ): Promise<void> {
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
      await put(temporary, path);
    } catch (error) {
      await fs.rm(temporary, { force: true });
      throw error;
    }
    await this.#syncFolder();
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

async function isLink(path: string): Promise<boolean> {
  try {
    return (await fs.lstat(path)).isSymbolicLink();
  } catch (error) {
    return absent(error, false);
  }
}

function absent<T>(error: unknown, instead: T): T {
  if ((error as { code?: string }).code === "ENOENT") return instead;
  throw error;
}
