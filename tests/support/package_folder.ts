/** Where Deno keeps a package of npm. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The folder of the npm package that holds the file `path`. */
export function packageFolder(path: string): string {
  const folder = dirname(path);
  return existsSync(join(folder, "package.json"))
    ? folder
    : packageFolder(folder);
}
