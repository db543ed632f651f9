/**
 * Packs the SDK for npm: what `deno pack` makes, with the fields of package.json and
 * the declarations that consumers of other tools need.
 *
 * @module
 */
import process from "node:process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./bundle_modules.ts";
import { widenDeclarations } from "./declarations.ts";
import {
  commonFields,
  execute,
  readJson,
  writeJson,
  writeTarball,
} from "./tarball.ts";

/** Beside what `deno pack` takes from `sdk/deno.json`. */
const fields = {
  ...commonFields,
  description:
    "Private deep-learning inference: encrypts readings, and a cloud evaluates a neural network on them that it cannot see",
  keywords: [
    "paillier",
    "homomorphic encryption",
    "inference",
    "privacy",
    "iot",
  ],
  // A worker is loaded for what it does; all else may be left out of a bundle.
  sideEffects: ["./paillier/workers/*.js"],
};

/**
 * @param tarball where the package goes
 * @throws {Error} with what a program wrote, if it failed
 */
export async function packSdk(tarball: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "cipherlayer-pack-"));
  try {
    const packed = `${folder}/packed.tgz`;
    const flags = ["--quiet", "--allow-dirty", "--output", packed];
    await execute(process.execPath, ["pack", ...flags], `${root}sdk`);
    await execute("tar", ["xzf", packed], folder);
    const path = `${folder}/package/package.json`;
    await writeJson(path, { ...await readJson<object>(path), ...fields });
    await widenDeclarations(`${folder}/package`);
    await writeTarball(folder, tarball);
  } finally {
    await rm(folder, { recursive: true });
  }
}
