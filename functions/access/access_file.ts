import {
  ConfiguredAccess,
  type ConfiguredAccessOptions,
} from "./configured_access.ts";
import { parseAccess } from "./entries.ts";
import type { Access, Principal } from "./principal.ts";

/**
 * The operator's list in a file, read again when it changes: a line that is taken
 * away ends its token's use at once. While the file cannot be read, the list read
 * last stays in force, and that is said once for each fault.
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

  /** @throws {RangeError} naming the first line that is wrong; errors of the file system */
  static async open(
    path: string,
    options: ConfiguredAccessOptions = {},
  ): Promise<AccessFile> {
    const version = await versionOf(path);
    return new AccessFile(path, options, {
      access: await read(path, options),
      version,
    });
  }

  async identify(request: Request): Promise<Principal | null> {
    try {
      const version = await versionOf(this.#path);
      if (version !== this.#version) {
        this.#access = await read(this.#path, this.#options);
        this.#version = version;
        this.#fault = "";
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

async function versionOf(path: string): Promise<string> {
  const { mtime, size, ino } = await Deno.stat(path);
  return `${mtime?.getTime()} ${size} ${ino}`;
}

async function read(
  path: string,
  options: ConfiguredAccessOptions,
): Promise<ConfiguredAccess> {
  return new ConfiguredAccess(
    parseAccess(await Deno.readTextFile(path)),
    options,
  );
}
