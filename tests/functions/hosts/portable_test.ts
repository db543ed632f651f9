import assert from "node:assert/strict";
import { bundle } from "../../../functions/hosts/bundle.ts";

/** What one runtime has and others have not. */
const ofOneRuntime = /\bDeno\s*\.|["']node:[\w/]+["']/g;

async function bundled(entry: string): Promise<string> {
  const path = await Deno.makeTempFile({ suffix: ".js" });
  try {
    await bundle(entry, path);
    return await Deno.readTextFile(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("the functions' core runs on web APIs: nothing of Deno or Node is in the worker", async () => {
  const code = await bundled("functions/hosts/worker.ts");
  assert.match(code, /\/v1\/rounds/);
  const found = [...code.matchAll(ofOneRuntime)].map(([text]) => text);
  // Node 20's flag, asked for through a global that only Node has.
  assert.deepEqual(found.filter((text) => text !== '"node:v8"'), []);
});

/** Methods of iterators, which Node has from version 22 on. */
const ofIterators =
  /\.(values|keys|entries)\(\)\s*\.(some|every|find|map|filter|reduce|forEach|flatMap|toArray|take|drop)\(/g;

Deno.test("on Node 20 nothing asks iterators for methods that they have not; the check of runtimes finds Node", async () => {
  const code = await bundled("functions/hosts/node.ts");
  assert(code.match(ofOneRuntime)!.includes('"node:fs/promises"'));
  assert.deepEqual(code.match(ofIterators) ?? [], []);
  assert.match("jobs.values()\n  .some(() => true)", ofIterators);
});
