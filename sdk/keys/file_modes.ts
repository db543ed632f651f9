/**
 * Who else may read or replace what a key depends on.
 *
 * Runtime: Deno, Node and Bun (`node:fs`); not for browsers.
 *
 * @module
 */
import fs from "node:fs/promises";
import { dirname } from "node:path";
import process from "node:process";

const groupAndOthers = 0o077;
const writableByOthers = 0o022;
/** In folders with it, nobody removes what belongs to another. */
const sticky = 0o1000;

/**
 * What is wrong with the modes of a secret file and of its folder: others may read
 * the file, or put another in its place. Tells nothing on Windows, nor of what is not
 * there.
 *
 * @returns a sentence for each fault
 */
export async function findLooseModes(path: string): Promise<string[]> {
  if (process.platform === "win32") return [];
  const faults: string[] = [];
  const fileMode = await modeOf(path);
  if (fileMode !== null && (fileMode & groupAndOthers) !== 0) {
    faults.push(
      `${path} may be used by others: expected mode 600, got ${
        octal(fileMode)
      }`,
    );
  }
  const folder = dirname(path);
  const folderMode = await modeOf(folder);
  if (
    folderMode !== null && (folderMode & writableByOthers) !== 0 &&
    (folderMode & sticky) === 0
  ) {
    faults.push(
      `files in ${folder} may be replaced by others: expected mode 700, got ${
        octal(folderMode)
      }`,
    );
  }
  return faults;
}

async function modeOf(path: string): Promise<number | null> {
  try {
    return (await fs.stat(path)).mode;
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return null;
    throw error;
  }
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8);
}
