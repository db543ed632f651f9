/**
 * What commands write, and must not overwrite unasked.
 *
 * @module
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { manifestFile } from "../../models/package/package_bytes.ts";
import { UsageError } from "./command.ts";

/**
 * Keeps what lies at `path` from being overwritten.
 *
 * @param force given by the user
 * @throws {UsageError} where there is a file, or a folder that holds a package or
 * anything else
 */
export function refuseOverwriting(path: string, force = false): void {
  if (force || !existsSync(path)) return;
  const held = existsSync(join(path, manifestFile))
    ? "a package"
    : heldBy(path);
  if (held === null) return;
  throw new UsageError(
    `Cannot write ${path}: there is ${held}; --force overwrites it`,
  );
}

function heldBy(path: string): string | null {
  try {
    return readdirSync(path).length > 0 ? "a folder that is not empty" : null;
  } catch {
    return "a file";
  }
}
