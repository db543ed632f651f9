/**
 * Runtime: Deno, whose file locks it uses.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeHex } from "@std/encoding/hex";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import { platformRandom } from "../../sdk/support/random.ts";
import {
  checkObjectKey,
  type ObjectStore,
  type StoredObject,
} from "./object_store.ts";

/** Files being written end in this; nobody reads them. */
const temporarySuffix = "~";
const lockName = `lock${temporarySuffix}`;
/** Those that a crash left are removed after so long. */
const leftOverMs = 60 * 60_000;

/**
 * Objects as files of a folder, flushed to the disk and renamed into place.
 * Conditions are checked under a lock that the system lets go when its holder dies,
 * so that any number of processes of one machine may share the folder.
 */
export class FolderObjectStore implements ObjectStore {
  readonly #folder: string;
  #isSwept = false;

  /** @param folder made on the first write */
  constructor(folder: string) {
    this.#folder = folder;
  }

  async get(key: string): Promise<StoredObject | null> {
    try {
      const bytes = await Deno.readFile(this.#path(key));
      return { bytes, tag: tagOf(bytes) };
    } catch (error) {
      return absent(error, null);
    }
  }

  async put(
    key: string,
    bytes: Uint8Array,
    onlyIf?: string | null,
  ): Promise<boolean> {
    const path = this.#path(key);
    await this.#sweep();
    if (onlyIf === undefined) {
      await replaceFile(path, bytes);
      return true;
    }
    await Deno.mkdir(this.#folder, { recursive: true });
    using lock = await Deno.open(`${this.#folder}/${lockName}`, {
      create: true,
      write: true,
    });
    await lock.lock(true);
    const tag = (await this.get(key))?.tag ?? null;
    if (tag !== onlyIf) return false;
    await replaceFile(path, bytes);
    return true;
  }

  async list(prefix: string): Promise<Map<string, number>> {
    const sizes = new Map<string, number>();
    for await (const name of this.#files(prefix)) {
      if (name.endsWith(temporarySuffix)) continue;
      const file = await Deno.stat(this.#path(name)).catch((error) =>
        absent(error, null)
      );
      if (file) sizes.set(name, file.size);
    }
    return sizes;
  }

  /** All files under a folder, by their names relative to the store. */
  async *#files(folder: string): AsyncGenerator<string> {
    try {
      for await (const entry of Deno.readDir(`${this.#folder}/${folder}`)) {
        const name = folder + entry.name;
        if (entry.isDirectory) yield* this.#files(`${name}/`);
        else yield name;
      }
    } catch (error) {
      absent(error, undefined);
    }
  }

  /** Removes what crashes have left, before the first write. */
  async #sweep(): Promise<void> {
    if (this.#isSwept) return;
    this.#isSwept = true;
    for await (const name of this.#files("")) {
      if (!name.endsWith(temporarySuffix) || name === lockName) continue;
      const path = `${this.#folder}/${name}`;
      const file = await Deno.stat(path).catch((error) => absent(error, null));
      if (!file || Date.now() - file.mtime!.getTime() < leftOverMs) continue;
      await Deno.remove(path).catch((error) => absent(error, undefined));
    }
  }

  async delete(key: string): Promise<void> {
    const path = this.#path(key);
    try {
      await Deno.remove(path);
    } catch (error) {
      absent(error, undefined);
    }
    // The last of a folder takes the folder along.
    const folder = parentOf(path);
    if (folder !== this.#folder) await Deno.remove(folder).catch(() => {});
  }

  #path(key: string): string {
    checkObjectKey(key);
    return `${this.#folder}/${key}`;
  }
}

async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${encodeHex(platformRandom(6))}${temporarySuffix}`;
  try {
    using file = await createFile(temporary);
    for (let at = 0; at < bytes.length;) {
      at += await file.write(bytes.subarray(at));
    }
    await file.sync();
    await Deno.rename(temporary, path);
  } catch (cause) {
    await Deno.remove(temporary).catch(() => {});
    // The path stays here: the owner's call fails with this message.
    const why = (cause as Error).message.replace(
      /(\(os error \d+\)).*$/s,
      "$1",
    );
    throw new CipherlayerError(
      "server-fault",
      `Cannot use the model store: cannot write: ${why}`,
      { retryable: true, cause },
    );
  }
}

/** A new file, its folder made where it is not there or has just been removed. */
async function createFile(path: string): Promise<Deno.FsFile> {
  for (let attempt = 1;; attempt++) {
    await Deno.mkdir(parentOf(path), { recursive: true });
    try {
      return await Deno.open(path, {
        createNew: true,
        write: true,
        mode: 0o600,
      });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound) || attempt === 3) {
        throw error;
      }
    }
  }
}

function parentOf(path: string): string {
  return path.replace(/\/[^/]+$/, "");
}

/** Equal content is equal state: nothing needs to tell the two apart. */
function tagOf(bytes: Uint8Array): string {
  return encodeHex(sha256(bytes));
}

function absent<T>(error: unknown, instead: T): T {
  if (error instanceof Deno.errors.NotFound) return instead;
  throw error;
}
