/**
 * The file of bearer tokens, read again when it changes.
 *
 * @module
 */
import { stat } from "node:fs/promises";
import { fileError, readText } from "../../models/package/read_file.ts";
import {
  ConfiguredAccess,
  type ConfiguredAccessOptions,
} from "./configured_access.ts";
import { parseAccess } from "./entries.ts";
import type { Access, Principal } from "./principal.ts";

/** A file that changed less than so long ago may still be being written. */
const settleMs = 100;

/**
 * The operator's list in a file, read again when it changes: a line that is taken
 * away ends its token's use within a tenth of a second. It is read whole, or not at
 * all: while the file is being written, is empty or cannot be read, the list read last
 * stays in force, and a fault is reported once.
 */
export class AccessFile implements Access {
  readonly #path: string;
  readonly #options: ConfiguredAccessOptions;
  #access: ConfiguredAccess;
  #version: string;
  #fault = "";

  private constructor(
    path: string,
    options: ConfiguredAccessOptions,
    { access, version }: { access: ConfiguredAccess; version: string },
  ) {
    this.#path = path;
    this.#options = options;
    this.#access = access;
    this.#version = version;
  }

  /**
   * @throws {RangeError} naming the first line that is wrong
   * @throws {FileError} if it cannot be read
   */
  static async open(
    path: string,
    options: ConfiguredAccessOptions = {},
  ): Promise<AccessFile> {
    const { version } = await look(path);
    return new AccessFile(path, options, {
      access: await read(path, options),
      version,
    });
  }

  async identify(request: Request): Promise<Principal | null> {
    try {
      const { version, ageMs } = await look(this.#path);
      if (version !== this.#version && ageMs >= settleMs) {
        const access = await read(this.#path, this.#options);
        if ((await look(this.#path)).version === version) {
          this.#access = access;
          this.#version = version;
          this.#fault = "";
        }
      }
    } catch (error) {
      const fault = (error as Error).message;
      if (fault !== this.#fault) {
        console.error(`${fault}: the list read before stays in force`);
      }
      this.#fault = fault;
    }
    return await this.#access.identify(request);
  }
}

/** Which file it is, and how long ago it changed. */
async function look(path: string): Promise<{ version: string; ageMs: number }> {
  const { mtimeMs: changedMs, size, ino } = await stat(path)
    .catch((cause) => {
      throw fileError("read", path, cause);
    });
  return {
    version: `${changedMs} ${size} ${ino}`,
    ageMs: Date.now() - changedMs,
  };
}

async function read(
  path: string,
  options: ConfiguredAccessOptions,
): Promise<ConfiguredAccess> {
  const text = await readText(path);
  if (text.trim() === "") {
    throw new RangeError(
      "Cannot read access: expected a line or more, got none",
    );
  }
  return new ConfiguredAccess(parseAccess(text), options);
}
