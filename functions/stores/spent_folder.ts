/**
 * Remembers spent session tokens in a folder.
 *
 * @module
 */
import {
  link,
  readdir,
  readFile,
  stat,
  unlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { encodeHex } from "@std/encoding/hex";
import { platformRandom } from "../../sdk/support/random.ts";
import { type NonceStore, rememberMs } from "./spent_tokens.ts";

/** Entries between two sweeps of those that have expired. */
const entriesPerSweep = 1024;
/**
 * Spent tokens as files of a folder, for all threads and processes of one machine
 * and for those that come after them. Runtime: Deno and Node.
 */
export class FolderNonceStore implements NonceStore {
  readonly #folder: string;
  readonly #clock: () => number;
  #sinceSweep = 0;

  /** @param folder exists, on a file system with hard links */
  constructor(folder: string, clock: () => number = Date.now) {
    this.#folder = folder;
    this.#clock = clock;
  }

  async spend(
    token: string,
    request: string,
    expiresAt: number,
  ): Promise<string> {
    if (++this.#sinceSweep >= entriesPerSweep) await this.#sweep();
    const path = join(this.#folder, token);
    // Complete before it has its name: the first to name it wins.
    const draft = `${path}.${encodeHex(platformRandom(8))}`;
    await writeFile(draft, request, { mode: 0o600 });
    try {
      await utimes(draft, expiresAt / 1000, expiresAt / 1000);
      await link(draft, path);
      return request;
    } catch (error) {
      if ((error as { code?: string }).code !== "EEXIST") throw error;
      return await readFile(path, "utf8");
    } finally {
      await unlink(draft);
    }
  }

  async #sweep(): Promise<void> {
    this.#sinceSweep = 0;
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name);
      // Another process may be sweeping too.
      const file = await stat(path).catch(() => null);
      if (file && file.mtimeMs + rememberMs < this.#clock()) {
        await unlink(path).catch(() => {});
      }
    }
  }
}
