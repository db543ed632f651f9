/**
 * Packages of this repository in an empty folder, installed by npm with what they list
 * as dependencies and nothing else.
 *
 * @module
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { packageFolder } from "../support/package_folder.ts";
import { runCommand } from "./processes.ts";

/**
 * Installs tarballs in `folder`, offline. What Deno has fetched already stands for the
 * registry; anything else that a package needed would make the installation fail.
 *
 * @param modules one of each package that the tarballs depend on, resolved
 */
export async function installTarballs(
  folder: string,
  tarballs: readonly string[],
  modules: readonly string[],
): Promise<void> {
  await Deno.writeTextFile(
    join(folder, "package.json"),
    '{ "private": true, "type": "module" }',
  );
  const fetched = modules.map((url) => packageFolder(fileURLToPath(url)));
  await runCommand("npm", [
    "install",
    "--offline",
    "--install-links",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    `--cache=${join(folder, "cache")}`,
    ...new Set(fetched),
    ...tarballs,
  ], folder);
}

/** A module of `name` as the package of `module` sees it. */
export function dependencyOf(module: string, name: string): string {
  return `file://${createRequire(module).resolve(name)}`;
}
