/**
 * npm packages from folders.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { promisify } from "node:util";

/** Fields of `package.json` that all packages of this repository have. */
export const commonFields = {
  license: "MIT",
  type: "module",
  engines: { node: ">=20" },
};

/** Writes `<folder>/package` as a package of npm. */
export async function writeTarball(
  folder: string,
  tarball: string,
): Promise<void> {
  const path = resolve(tarball);
  await mkdir(dirname(path), { recursive: true });
  await execute("tar", ["czf", path, "package"], folder);
}

export async function readJson<T>(path: string): Promise<T> {
  return JSON.parse(await readFile(path, "utf8"));
}

export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFile(path, JSON.stringify(value, null, 2) + "\n");
}

/** @throws {Error} with what the program wrote, if it failed */
export async function execute(
  program: string,
  args: string[],
  cwd: string,
): Promise<void> {
  await promisify(execFile)(program, args, { cwd })
    .catch(({ stdout, stderr }) => {
      throw new Error(`${program}: ${stderr}${stdout}`);
    });
}
