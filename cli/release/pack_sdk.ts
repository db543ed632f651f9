/**
 * Packs the SDK for npm: what `deno pack` makes, with the fields of package.json and
 * the declarations that consumers of other tools need.
 *
 * `deno run -A cli/release/pack_sdk.ts sdk.tgz`
 *
 * @module
 */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const sdkFolder = fileURLToPath(new URL("../../sdk/", import.meta.url));

/** Beside what `deno pack` takes from `sdk/deno.json`. */
const fields = {
  description:
    "Private deep-learning inference: encrypts readings, and a cloud evaluates a neural network on them that it cannot see",
  keywords: [
    "paillier",
    "homomorphic encryption",
    "inference",
    "privacy",
    "iot",
  ],
  engines: { node: ">=20" },
  // A worker is loaded for what it does; all else may be left out of a bundle.
  sideEffects: ["./paillier/workers/*.js"],
};

/**
 * @param tarball where the package goes
 * @throws {Error} with what a program wrote, if it failed
 */
export async function packSdk(tarball: string): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const packed = `${folder}/packed.tgz`;
    const flags = ["--quiet", "--allow-dirty", "--output", packed];
    await execute(Deno.execPath(), ["pack", ...flags], sdkFolder);
    await execute("tar", ["xzf", packed], folder);
    await completeManifest(`${folder}/package/package.json`);
    await widenDeclarations(`${folder}/package`);
    await execute("tar", ["czf", resolve(tarball), "package"], folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function completeManifest(path: string): Promise<void> {
  const manifest = JSON.parse(await Deno.readTextFile(path));
  const complete = { ...manifest, ...fields };
  await Deno.writeTextFile(path, JSON.stringify(complete, null, 2) + "\n");
}

/**
 * Declarations that TypeScript reads from 5.4 on, whatever `lib` says: arrays of bytes
 * have had a type of their buffer since 5.7 only, and `Disposable` needs a library.
 */
async function widenDeclarations(folder: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) await widenDeclarations(path);
    if (!name.endsWith(".d.ts")) continue;
    const text = (await Deno.readTextFile(path))
      .replace(
        /\b(Uint8Array|Uint32Array|Float64Array)<ArrayBuffer(Like)?>/g,
        "$1",
      );
    const library = /\b(Async)?Disposable\b/.test(text)
      ? '/// <reference lib="esnext.disposable" />\n'
      : "";
    await Deno.writeTextFile(path, library + text);
  }
}

async function execute(
  program: string,
  args: string[],
  cwd: string,
): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args, cwd })
    .output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

if (import.meta.main) await packSdk(Deno.args[0] ?? "cipherlayer-sdk.tgz");
