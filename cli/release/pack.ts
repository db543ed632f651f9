/**
 * `deno task pack FOLDER`: the packages for npm, as tarballs.
 *
 * @module
 */
import process from "node:process";
import { packCommand, packFunctions } from "./pack_programs.ts";
import { packSdk } from "./pack_sdk.ts";

/** Writes `cipherlayer.tgz`, `cipherlayer-functions.tgz` and `cipherlayer-sdk.tgz`. */
export async function packAll(folder: string): Promise<void> {
  await packSdk(`${folder}/cipherlayer-sdk.tgz`);
  await packFunctions(`${folder}/cipherlayer-functions.tgz`);
  await packCommand(`${folder}/cipherlayer.tgz`);
}

if (import.meta.main) {
  const { INIT_CWD: calledFrom } = process.env;
  if (calledFrom) process.chdir(calledFrom);
  await packAll(process.argv[2] ?? ".");
  process.exit();
}
