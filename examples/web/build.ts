/**
 * Builds the page into a folder that any static host can serve:
 * `deno run -A examples/web/build.ts FOLDER [--site URL]`.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { bundle } from "../../functions/hosts/bundle.ts";
import { recordExample } from "./example.ts";
import { addPreview, drawPreview, previewName } from "./preview.ts";

const root = new URL("../../", import.meta.url);

const bundles = {
  "main.js": "examples/web/main.ts",
  "gateway_worker.js": "examples/web/gateway_worker.ts",
  // The SDK's own threads, which it looks for beside the module that uses it.
  "worker_web.js": "sdk/paillier/workers/worker_web.ts",
};
const copies = {
  "style.css": "examples/web/style.css",
  // As text, so that every host shows them.
  "README.txt": "README.md",
  "SECURITY.txt": "SECURITY.md",
};
const pageName = "index.html";
const exampleName = "example.json";

/** Files of a page that was built without a site. */
export const pageFiles: readonly string[] = [
  ...Object.keys(bundles),
  ...Object.keys(copies),
  pageName,
  exampleName,
];

/** How the page is built. */
export interface BuildOptions {
  /** Where the page will be; without it other sites show no picture for a link. */
  site?: string;
  signal?: AbortSignal;
}

/**
 * Writes the page into `folder`, with an example that is run now; functions elsewhere
 * are named with `?functions=https://...`.
 *
 * @throws {TypeError} if `site` is no address
 * @throws {Error} with what the bundler or the functions said
 */
export async function buildPage(
  folder: string,
  { site, signal = new AbortController().signal }: BuildOptions = {},
): Promise<void> {
  const page = await Deno.readTextFile(
    new URL("examples/web/index.html", root),
  );
  const html = site === undefined ? page : addPreview(page, site);
  await Deno.mkdir(folder, { recursive: true });
  await Promise.all([
    Deno.writeTextFile(`${folder}/${pageName}`, html),
    ...Object.entries(bundles).map(([name, entry]) =>
      bundle(entry, `${folder}/${name}`, { minify: true })
    ),
    ...Object.entries(copies).map(([name, path]) =>
      Deno.copyFile(new URL(path, root), `${folder}/${name}`)
    ),
    recordExample(signal).then(async (example) => {
      const text = JSON.stringify(example);
      await Deno.writeTextFile(`${folder}/${exampleName}`, text);
      if (site === undefined) return;
      await Deno.writeFile(`${folder}/${previewName}`, drawPreview(example));
    }),
  ]);
}

/** Builds as the command line says; returns the exit code. */
async function main(args: string[]): Promise<number> {
  try {
    const { values, positionals } = parseArgs({
      args,
      options: { site: { type: "string" } },
      allowPositionals: true,
    });
    if (positionals.length !== 1) throw new TypeError("expected one folder");
    await buildPage(positionals[0], values);
    return 0;
  } catch (error) {
    console.error(`error: ${(error as Error).message}`);
    if (!(error instanceof TypeError)) return 1;
    console.error(
      "Usage: deno run -A examples/web/build.ts FOLDER [--site https://page.example/demo/]",
    );
    return 2;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
