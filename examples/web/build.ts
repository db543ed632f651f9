/**
 * Builds the page into a folder that any static host can serve.
 *
 * @module
 */
import { bundle } from "../../functions/hosts/bundle.ts";
import { recordExample } from "./example.ts";

const root = new URL("../../", import.meta.url);

const bundles = {
  "main.js": "examples/web/main.ts",
  "gateway_worker.js": "examples/web/gateway_worker.ts",
  // The SDK's own threads, which it looks for beside the module that uses it.
  "worker_web.js": "sdk/paillier/workers/worker_web.ts",
};
const copies = {
  "index.html": "examples/web/index.html",
  "style.css": "examples/web/style.css",
  // As text, so that every host shows them.
  "README.txt": "README.md",
  "SECURITY.txt": "SECURITY.md",
};
const exampleName = "example.json";

/** Files of the built page. */
export const pageFiles: readonly string[] = [
  ...Object.keys(bundles),
  ...Object.keys(copies),
  exampleName,
];

/**
 * Writes the page into `folder`, with an example that is run now; functions elsewhere
 * are named with `?functions=https://...`.
 *
 * @throws {Error} with what the bundler or the functions said
 */
export async function buildPage(
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all([
    ...Object.entries(bundles).map(([name, entry]) =>
      bundle(entry, `${folder}/${name}`, { minify: true })
    ),
    ...Object.entries(copies).map(([name, path]) =>
      Deno.copyFile(new URL(path, root), `${folder}/${name}`)
    ),
    recordExample(signal).then((example) =>
      Deno.writeTextFile(`${folder}/${exampleName}`, JSON.stringify(example))
    ),
  ]);
}
