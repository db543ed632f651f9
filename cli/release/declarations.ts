/**
 * Declarations of a package's types, for consumers of other tools.
 *
 * @module
 */
import process from "node:process";
import {
  cp,
  mkdtemp,
  readdir,
  readFile,
  rm,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { execute } from "./tarball.ts";

const compiler = "npm:typescript@7.0.2/tsc";

/**
 * Writes the declarations of `entry`, and of all that it names, into `folder`, each at
 * its path relative to `root`.
 */
export async function writeDeclarations(
  root: string,
  entry: string,
  folder: string,
): Promise<void> {
  const all = await mkdtemp(join(tmpdir(), "cipherlayer-types-"));
  try {
    await execute(process.execPath, [
      ...["run", "-A", "--quiet", compiler, "--ignoreConfig", "--noCheck"],
      ...["--declaration", "--emitDeclarationOnly", "--stripInternal"],
      ...["--rewriteRelativeImportExtensions", "--target", "es2022"],
      ...["--module", "nodenext", "--moduleResolution", "nodenext"],
      ...["--rootDir", ".", "--outDir", all, entry],
    ], root);
    const first = join(all, entry.replace(/\.ts$/, ".d.ts"));
    for (const path of await findNamed(first, new Set())) {
      await cp(path, join(folder, relative(all, path)));
    }
  } finally {
    await rm(all, { recursive: true });
  }
  await widenDeclarations(folder);
}

/** A declaration and those that it names. */
async function findNamed(
  path: string,
  found: Set<string>,
): Promise<Set<string>> {
  if (found.has(path)) return found;
  found.add(path);
  const text = await readFile(path, "utf8");
  for (const [, target] of text.matchAll(/\bfrom "(\.[^"]*)\.ts"/g)) {
    await findNamed(join(dirname(path), `${target}.d.ts`), found);
  }
  return found;
}

/**
 * Declarations that TypeScript reads from 5.4 on, whatever `lib` says: arrays of bytes
 * have had a type of their buffer since 5.7 only, and `Disposable` needs a library.
 */
export async function widenDeclarations(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await widenDeclarations(path);
    if (!entry.name.endsWith(".d.ts")) continue;
    const text = (await readFile(path, "utf8"))
      .replace(
        /\b(Uint8Array|Uint32Array|Float64Array)<ArrayBuffer(Like)?>/g,
        "$1",
      )
      .replace(/\bfrom "(\.[^"]*)\.ts"/g, 'from "$1.js"')
      // What is imported for what it does has no types.
      .replace(/^import "\.[^"]*";\n/gm, "");
    const library = /\b(Async)?Disposable\b/.test(text)
      ? '/// <reference lib="esnext.disposable" />\n'
      : "";
    await writeFile(path, library + text);
  }
}
