/**
 * Model packages as folders. Runtime: Deno and Node.
 *
 * @module
 */
import { stat } from "node:fs/promises";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import type { ModelPackage } from "./format.ts";
import {
  decodeManifest,
  decodePackage,
  encodePackage,
  manifestFile,
  refuse,
} from "./package_bytes.ts";
import { readBytes } from "./read_file.ts";
import { verifyPackage } from "./verify.ts";
import { makeFolder, writeWholeFile } from "./write_file.ts";

const maxPackageBytes = 2 ** 30;

/**
 * Reads and checks the package in `folder`.
 *
 * @throws {CipherlayerError} "model-not-found" if there is no manifest,
 * "malformed" if a file is missing, altered, truncated or inconsistent
 */
export async function readPackage(folder: string): Promise<ModelPackage> {
  return decodePackage(await readPackageFiles(folder));
}

/**
 * The manifest in `folder` and the files it names, as they are.
 *
 * @throws {CipherlayerError} "model-not-found", "malformed" if a file is missing
 */
export async function readPackageFiles(
  folder: string,
): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  try {
    files.set(manifestFile, await readBytes(`${folder}/${manifestFile}`));
  } catch (error) {
    throw new CipherlayerError(
      "model-not-found",
      `Cannot read package: no ${manifestFile} in ${folder}`,
      { cause: error },
    );
  }
  const { files: checksums } = decodeManifest(files.get(manifestFile)!);
  let packageBytes = 0;
  for (const name of Object.keys(checksums)) {
    // Names come from a file: they must not lead out of the folder.
    if (!/^\w[\w.-]*$/.test(name)) refuse(`file name "${name}" is not allowed`);
    try {
      const path = `${folder}/${name}`;
      packageBytes += (await stat(path)).size;
      if (packageBytes > maxPackageBytes) {
        refuse(`expected at most ${maxPackageBytes} bytes in ${folder}`);
      }
      files.set(name, await readBytes(path));
    } catch (error) {
      if (error instanceof CipherlayerError) throw error;
      refuse(`no file "${name}" in ${folder}`, error);
    }
  }
  return files;
}

/** Writes the package to `folder`, which is made where it does not exist. */
export async function writePackage(
  folder: string,
  model: ModelPackage,
): Promise<void> {
  verifyPackage(model);
  await makeFolder(folder);
  for (const [name, bytes] of encodePackage(model)) {
    await writeWholeFile(`${folder}/${name}`, bytes);
  }
}
