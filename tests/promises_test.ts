/** The tests that SECURITY.md and PROTOCOL.md name are there. */
import { deepEqual, ok } from "node:assert/strict";

const root = new URL("../", import.meta.url);

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(new URL(path, root))).isFile;
  } catch {
    return false;
  }
}

for (const document of ["SECURITY.md", "PROTOCOL.md"]) {
  Deno.test(`${document} names files that are there`, async () => {
    const text = await Deno.readTextFile(new URL(document, root));
    const named = Array.from(
      text.matchAll(/`([\w./-]+\.ts)`/g),
      ([, path]) => path,
    );
    ok(named.length > 0);
    const missing: string[] = [];
    for (const path of named) {
      if (!await isFile(path) && !await isFile(`tests/${path}`)) {
        missing.push(path);
      }
    }
    deepEqual(missing, []);
  });
}
