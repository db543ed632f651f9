/** Where Deno keeps a package of npm. */
import { dirname, join } from "node:path";

/** The folder of the npm package that holds the file `path`. */
export function packageFolder(path: string): string {
  const folder = dirname(path);
  const name = nameOf(folder);
  if (name === undefined) return packageFolder(folder);
  // Some builds hold a copy of their package's own description.
  const parent = dirname(folder);
  return nameOf(parent) === name ? parent : folder;
}

/** The name of the package described in a folder. */
function nameOf(folder: string): string | undefined {
  try {
    const text = Deno.readTextFileSync(join(folder, "package.json"));
    return JSON.parse(text).name;
  } catch {
    return undefined;
  }
}
