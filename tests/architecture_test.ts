/**
 * Holds the direction of every import between the houses, and the houses' doors free of loose files.
 *
 * @module
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { dirname, join, relative, sep } from "node:path";

const root = fileURLToPath(new URL("../", import.meta.url));

/** A house imports only from itself and from those before it. */
const houses = [
  "std",
  "sdk",
  "models",
  "functions",
  "attack",
  "cli",
  "examples",
  "bench",
  "tests",
];

/** Files that may stand at the top of a house. */
const faces: Record<string, string[]> = {
  sdk: ["mod.ts", "protocol.ts", "engine.ts"],
  models: [],
  functions: ["main.ts", "app.ts"],
  attack: ["mod.ts"],
  cli: ["main.ts"],
  bench: [],
};

async function listSources(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(join(root, folder))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory && entry.name !== "node_modules") {
      found.push(...await listSources(path));
    } else if (/\.(ts|mjs)$/.test(entry.name)) found.push(path);
  }
  return found;
}

/** Paths, relative to the repository, that a module's text imports or re-exports. */
function findImports(path: string, text: string): string[] {
  const specifiers = text.matchAll(
    /(?:\bfrom|\bimport|\bimport\()\s*"(\.{1,2}\/[^"]+)"/g,
  );
  return [...specifiers].map(([, specifier]) =>
    relative(root, join(root, dirname(path), specifier)).split(sep).join("/")
  );
}

/** Imports that turn an arrow: from a house to a later one. */
function findTurnedArrows(path: string, text: string): string[] {
  const rank = (file: string) => houses.indexOf(file.split("/")[0]);
  return findImports(path, text)
    .filter((target) => rank(target) > rank(path))
    .map((target) => `${path} imports ${target}`);
}

Deno.test("a house imports only from the houses before it", async () => {
  const turned: string[] = [];
  for (const house of houses.slice(0, -1)) {
    for (const path of await listSources(house)) {
      const text = await Deno.readTextFile(join(root, path));
      turned.push(...findTurnedArrows(path, text));
    }
  }
  assert.deepEqual(turned, []);
});

Deno.test("the check finds an arrow that is turned", () => {
  const text = `import { createApp } from "../../functions/app.ts";`;
  assert.deepEqual(findTurnedArrows("models/planner/plan.ts", text), [
    "models/planner/plan.ts imports functions/app.ts",
  ]);
});

Deno.test("functions import neither the compiler nor the zoo", async () => {
  for (const path of await listSources("functions")) {
    const text = await Deno.readTextFile(join(root, path));
    const targets = findImports(path, text);
    assert.deepEqual(
      targets.filter((target) => /^models\/(compiler|zoo)\//.test(target)),
      [],
      path,
    );
  }
});

Deno.test("evaluation and privacy of rounds import the arithmetic, not each other", async () => {
  const allowed: Record<string, string[]> = {
    arithmetic: ["arithmetic"],
    evaluate: ["arithmetic", "evaluate"],
    privacy: ["arithmetic", "privacy"],
  };
  const rounds = "functions/rounds/";
  for (const [part, parts] of Object.entries(allowed)) {
    const sources = await listSources(`${rounds}${part}`);
    assert.notEqual(sources.length, 0);
    for (const path of sources) {
      const text = await Deno.readTextFile(join(root, path));
      const targets = findImports(path.split(sep).join("/"), text)
        .filter((target) => target.startsWith(rounds))
        .map((target) => target.slice(rounds.length).split("/")[0]);
      assert.deepEqual(
        targets.filter((target) => !parts.includes(target)),
        [],
        path,
      );
    }
  }
});

Deno.test("only faces stand at the top of a house", async () => {
  for (const [house, allowed] of Object.entries(faces)) {
    const loose: string[] = [];
    for await (const { name, isFile } of Deno.readDir(join(root, house))) {
      if (isFile && name.endsWith(".ts") && !allowed.includes(name)) {
        loose.push(`${house}/${name}`);
      }
    }
    assert.deepEqual(loose, []);
  }
});
