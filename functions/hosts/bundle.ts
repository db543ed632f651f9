/**
 * Runtime: Deno, where the repository is.
 *
 * @module
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

export interface BundleOptions {
  /** Default: any runtime with web APIs. */
  platform?: "browser" | "deno";
  minify?: boolean;
  /** Imports that stay as they are: the host resolves them. */
  external?: string[];
}

/**
 * Bundles `entry` (relative to the repository) with what it imports into the file
 * `output`.
 *
 * One bundler runs at a time on a machine: those that begin without Deno's copy of
 * esbuild all fetch it to the same place, and fail on each other's half-made files.
 *
 * @throws {Error} with what the bundler said
 */
export async function bundle(
  entry: string,
  output: string,
  options: BundleOptions = {},
): Promise<void> {
  const { platform = "browser", minify = false, external = [] } = options;
  using lock = await Deno.open(
    join(tmpdir(), `cipherlayer-bundle-${Deno.uid() ?? 0}.lock`),
    { create: true, write: true },
  );
  // Released with the file, even if this process is killed.
  await lock.lock(true);
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "bundle",
      `--platform=${platform}`,
      ...minify ? ["--minify"] : [],
      ...external.map((name) => `--external=${name}`),
      "--output",
      output,
      entry,
    ],
    cwd: root,
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) {
    throw new Error(
      `Cannot bundle ${entry}: ${new TextDecoder().decode(stderr)}`,
    );
  }
}
