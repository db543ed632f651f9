/**
 * Finds the workerd program that npm installed.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

const version = "1.20261023.1";
const lock = fileURLToPath(new URL("workerd.lock", import.meta.url));

/**
 * The program of the platform package that npm's `workerd` depends on, fetched when
 * first asked for: as a dependency of the repository, its 140 MB would be fetched by
 * everybody. Runtime: Deno.
 *
 * @throws {Error} where there is none for this platform
 */
export async function workerdPath(): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      "--no-config",
      `--lock=${lock}`,
      `import found from "npm:workerd@${version}"; console.log(found.default);`,
    ],
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  if (!success) {
    throw new Error(`Cannot find workerd ${version}: ${text(stderr)}`);
  }
  return text(stdout);
}
