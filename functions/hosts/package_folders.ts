/**
 * Finds the model packages below a folder.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";

/**
 * Folders of model packages in `<folder>/<name>` or `<folder>/<name>/package`, by
 * those names. Runtime: Deno and Node.
 *
 * @throws {Error} if there is none
 */
export async function packageFolders(
  folder: string,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const names = await readdir(folder).catch(() => []);
  for (const name of names.sort()) {
    const place = [join(folder, name), join(folder, name, "package")]
      .find((place) => existsSync(join(place, "manifest.json")));
    if (place) found.set(name, place);
  }
  if (found.size === 0) {
    throw new Error(`Cannot find model packages: none in ${folder}`);
  }
  return found;
}
