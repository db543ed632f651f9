/**
 * What the SDK exports is documented with an example, and defaults stand in `@default`.
 *
 * @module
 */
import { deepEqual } from "node:assert/strict";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

interface DocNode {
  module_doc?: unknown;
  symbols: {
    name: string;
    declarations: { jsDoc?: unknown; def?: unknown }[];
  }[];
}

async function documentExports(): Promise<DocNode["symbols"]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", "sdk/mod.ts"],
    cwd: root,
    stderr: "null",
  }).output();
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout));
  return Object.values(nodes as Record<string, DocNode>)
    .flatMap(({ symbols }) => symbols);
}

Deno.test("every export of the SDK has an example", async () => {
  const symbols = await documentExports();
  deepEqual(symbols.some(({ name }) => name === "connect"), true);
  const without = symbols.filter(({ declarations }) =>
    !JSON.stringify(declarations.map(({ jsDoc }) => jsDoc ?? null))
      .includes("```ts")
  );
  deepEqual(without.map(({ name }) => name), []);
});

Deno.test("exports state their defaults in a tag, not in a sentence", async () => {
  const symbols = await documentExports();
  const inWords = symbols.filter(({ declarations }) =>
    /\bDefault\b[: ]|\bby default [0-9"]/.test(JSON.stringify(declarations))
  );
  deepEqual(inWords.map(({ name }) => name), []);
});
