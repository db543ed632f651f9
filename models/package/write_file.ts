/**
 * Writes files; faults are reported in a sentence. Runtime: Deno and Node.
 *
 * @module
 */
import { mkdir, writeFile } from "node:fs/promises";
import { fileError } from "./read_file.ts";

/** @throws {FileError} "Cannot write x.npy: not permitted" */
export async function writeWholeFile(
  path: string,
  content: Uint8Array | string,
): Promise<void> {
  await writeFile(path, content).catch((cause) => {
    throw fileError("write", path, cause);
  });
}

/** Makes a folder, and those around it. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((cause) => {
    throw fileError("make", path, cause);
  });
}
