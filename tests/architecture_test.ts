/**
 * Holds the direction of every import between the houses, the houses' doors free of loose
 * files, and CONTRIBUTING's tables to what is there.
 *
 * @module
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
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
  functions: ["main.ts", "mod.ts", "app.ts"],
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

Deno.test("every source file begins with a sentence and @module", async () => {
  const without: string[] = [];
  for (const house of houses.filter((house) => !/^(std|tests)$/.test(house))) {
    for (const path of await listSources(house)) {
      const text = await Deno.readTextFile(join(root, path));
      const head = /^(?:#!.*\n)?\/\*\*([^]*?)\*\//.exec(text)?.[1] ?? "";
      const isSentence = /\w/.test(head.split("@module")[0]);
      if (!isSentence || !head.includes("@module")) without.push(path);
    }
  }
  assert.deepEqual(without, []);
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

/**
 * Paths of a text's tables and trees that do not exist. A path counts from the
 * repository, or from the house or the folder that its line is about.
 */
function findMissingPaths(text: string): string[] {
  const missing: string[] = [];
  let house = "";
  for (const line of text.split("\n")) {
    const row = line.startsWith("|");
    const words = (row ? line.match(/`[^`]+`/g)?.join(" ") ?? "" : line)
      .split(/[\s`(),;]+/)
      .map((word) => word.replace(/<.*/, ""))
      .filter((word) => /^\w[\w./]*(\/|\.ts)$/.test(word));
    if (!/^\s/.test(line)) house = words[0] ?? "";
    for (const word of words) {
      const places = [word, join(house, word), join(house, words[0], word)];
      if (!places.some((place) => existsSync(join(root, place)))) {
        missing.push(word);
      }
    }
  }
  return missing;
}

/** The rows of a text's tables, and its trees: blocks of code that list folders. */
function tablesAndTrees(text: string): string {
  const trees = [...text.matchAll(/^```\n(\w+\/ [^]*?)^```/gm)];
  const rows = text.match(/^\|.*$/gm) ?? [];
  return [...rows, ...trees.map(([, tree]) => tree)].join("\n");
}

Deno.test("every path in CONTRIBUTING's tables and tree exists", async () => {
  const text = await Deno.readTextFile(join(root, "CONTRIBUTING.md"));
  const listed = tablesAndTrees(text);
  for (const path of ["sdk/session/retry.ts", "| `sdk/`", "wire/ "]) {
    assert(listed.includes(path), path);
  }
  assert.deepEqual(findMissingPaths(listed), []);
});

Deno.test("the check finds paths that do not exist", () => {
  const text = [
    "| change the mask | `functions/privacy/mask.ts`, `models/zoo/<name>/` |",
    "| `tests/` | `support/ passes/` |",
    "sdk/   mod.ts (gateway), model.ts",
    "  paillier/  public/ secret/",
  ];
  assert.deepEqual(findMissingPaths(text.join("\n")), [
    "functions/privacy/mask.ts",
    "passes/",
    "model.ts",
    "secret/",
  ]);
});

Deno.test("CONTRIBUTING's tree lists every folder of the houses", async () => {
  const text = await Deno.readTextFile(join(root, "CONTRIBUTING.md"));
  const listed = tablesAndTrees(text);
  const absent: string[] = [];
  for (const house of houses.filter((house) => !/^(std|tests)$/.test(house))) {
    for await (const entry of Deno.readDir(join(root, house))) {
      if (entry.isDirectory && entry.name !== "node_modules") {
        const named = new RegExp(`(^|[\\s/])${entry.name}/`, "m");
        if (!named.test(listed)) absent.push(`${house}/${entry.name}`);
      }
    }
  }
  assert.deepEqual(absent, []);
});
