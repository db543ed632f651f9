/**
 * Data sets that are no part of the repository: tests that need one skip without it.
 *
 * @module
 */
import { existsSync } from "node:fs";

/** Folder of a data set, in the one that `CIPHERLAYER_DATA` names; null if it is not there. */
export function dataFolder(name: string): string | null {
  const folder = `${Deno.env.get("CIPHERLAYER_DATA")}/${name}`;
  return existsSync(folder) ? folder : null;
}
