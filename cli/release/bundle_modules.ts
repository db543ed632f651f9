/**
 * Modules of this repository as JavaScript that Node 20 runs, with threads' entries
 * beside them and packages of npm left to npm.
 *
 * @module
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { readJson } from "./tarball.ts";

export const root = fileURLToPath(new URL("../../", import.meta.url));

interface Configuration {
  name: string;
  version: string;
  imports: Record<string, string>;
  exports: Record<string, string>;
}

/** Packages of this repository, which become part of what names them. */
const ownPackages = ["sdk", "std/encoding"];

/**
 * @param entries modules by the names of their files in `folder`
 * @returns packages that the modules import, with the versions of `deno.json`
 */
export async function bundleModules(
  folder: string,
  entries: Record<string, string>,
): Promise<Record<string, string>> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: entries,
    outdir: folder,
    alias: await ownModules(),
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    packages: "external",
    charset: "utf8",
    // Entries are what a package names.
    define: { "import.meta.main": "false" },
    metafile: true,
    logLevel: "error",
  });
  const names = new Set(
    Object.values(metafile.outputs).flatMap(({ imports }) =>
      imports.filter(({ external, path }) =>
        external && !path.startsWith("node:")
      ).map(({ path }) => packageOf(path))
    ),
  );
  return await versionsOf([...names].sort());
}

/** The repository's own packages by the names under which they are imported. */
async function ownModules(): Promise<Record<string, string>> {
  const modules: Record<string, string> = {};
  for (const folder of ownPackages) {
    const path = join(root, folder, "deno.json");
    const { name, exports } = await readJson<Configuration>(path);
    for (const [entry, module] of Object.entries(exports)) {
      modules[name + entry.slice(1)] = join(root, folder, module);
    }
  }
  return modules;
}

/** `@scope/name` or `name` of what is imported from it. */
function packageOf(path: string): string {
  return path.split("/").slice(0, path.startsWith("@") ? 2 : 1).join("/");
}

async function versionsOf(names: string[]): Promise<Record<string, string>> {
  const { imports } = await readJson<Configuration>(join(root, "deno.json"));
  return Object.fromEntries(names.map((name) => {
    const version = /^npm:.+@([^@]+)$/.exec(imports[name] ?? "")?.[1];
    if (version) return [name, version];
    throw new Error(`Cannot pack: expected ${name} in deno.json`);
  }));
}
