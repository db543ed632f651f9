/**
 * Links, paths and commands in the documents lead somewhere.
 *
 * @module
 */
import { deepEqual, notEqual } from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { commands } from "../../cli/commands/mod.ts";
import configuration from "../../deno.json" with { type: "json" };

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Every Markdown file of the repository, by its path. */
async function listDocuments(folder = "."): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(root, folder))) {
    const path = folder === "." ? name : `${folder}/${name}`;
    if (isDirectory) {
      if (name === "node_modules" || name.startsWith(".")) continue;
      found.push(...await listDocuments(path));
    } else if (name.endsWith(".md")) found.push(path);
  }
  return found.sort();
}

/** The anchors of a document's headings, as GitHub makes them. */
function listAnchors(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading] of withoutCode(text).matchAll(/^#{1,6} +(.+)$/gm)) {
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1");
    const anchor = plain.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim().replace(/\s/g, "-");
    let unique = anchor;
    for (let count = 1; anchors.has(unique); count++) {
      unique = `${anchor}-${count}`;
    }
    anchors.add(unique);
  }
  return anchors;
}

function withoutCode(text: string): string {
  return text.replace(/^```[^]*?^```/gm, "");
}

/** Links of a document that lead nowhere within the repository. */
function findBrokenLinks(path: string, text: string): string[] {
  const targets = Array.from(
    withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g),
    ([, target]) => target,
  ).filter((target) => !/^[a-z]+:/.test(target));
  return targets.filter((target) => {
    const [file, anchor] = target.split("#");
    const place = file === "" ? path : join(dirname(path), file);
    if (!existsSync(join(root, place))) return true;
    if (anchor === undefined) return false;
    const linked = file === ""
      ? text
      : Deno.readTextFileSync(join(root, place));
    return !listAnchors(linked).has(anchor);
  });
}

/** Files that a document's commands run, and tasks that they name, that are not there. */
function findBrokenCommands(text: string): string[] {
  const tasks = Array.from(
    text.matchAll(/\bdeno task (?:--\S+ )*([a-z][\w-]*)/g),
    ([command, task]) => ({ command, there: task in configuration.tasks }),
  );
  const programs = Array.from(
    text.matchAll(/\bdeno run [^\n]*?([\w./-]+\/[\w./-]+\.ts)\b/g),
    ([command, file]) => ({ command, there: existsSync(join(root, file)) }),
  );
  return [...tasks, ...programs].filter(({ there }) => !there)
    .map(({ command }) => command);
}

/** Commands of `cipherlayer`, sub-commands and options that a document's code names and that do not exist. */
function findBrokenOptions(text: string): string[] {
  const code = [...text.matchAll(/^```[^\n]*\n([^]*?)^```/gm)]
    .flatMap(([, code]) => code.replaceAll("\\\n", " ").split("\n"));
  return code.flatMap((line) => {
    const [, words = ""] =
      /(?:deno task |npx -y |\.\/)cipherlayer(?:\.tgz)? (.*)/.exec(line) ?? [];
    const [name, ...rest] = words.split(/\s+#\s/)[0].split(/\s+/);
    if (name === "" || name.startsWith("-") || name === "demo") return [];
    let command = programs.find((made) => made.name() === name);
    if (!command) return [line];
    const sub = command.commands.find((made) => made.name() === rest[0]);
    if (sub) command = sub;
    else if (command.commands.length > 0 && !rest[0]?.startsWith("-")) {
      return [line];
    }
    return rest.filter((word) => word.startsWith("--") && word !== "--help")
        .some((word) => !takesOption(command, word))
      ? [line]
      : [];
  });
}

const programs = commands.map((make) => make());

function takesOption(command: Command, word: string): boolean {
  return command.options.some(({ long }) => long === word.split("=")[0]);
}

/**
 * Paths in backticks that do not exist: what begins with a folder of the repository, and
 * every module. They count from the repository, the document, or `tests/`.
 */
function findBrokenPaths(path: string, text: string): string[] {
  const named = Array.from(
    withoutCode(text).matchAll(
      /`((?:sdk|models|functions|attack|cli|examples|bench|tests|docs)\/[\w./-]+|[\w./-]+\/[\w./-]+\.ts)`/g,
    ),
    ([, file]) => file,
  );
  const places = ["", dirname(path), "tests"];
  return named.filter((file) =>
    !places.some((place) => existsSync(join(root, place, file)))
  );
}

const documents = await listDocuments();

Deno.test("documents: every link leads to a file and a heading that exist", async () => {
  notEqual(documents.length, 0);
  const broken: string[] = [];
  for (const path of documents) {
    const text = await Deno.readTextFile(join(root, path));
    for (const target of findBrokenLinks(path, text)) {
      broken.push(`${path}: ${target}`);
    }
  }
  deepEqual(broken, []);
});

Deno.test("documents: every task and program of a command exists", async () => {
  const broken: string[] = [];
  for (const path of documents) {
    const text = await Deno.readTextFile(join(root, path));
    for (const command of findBrokenCommands(text)) {
      broken.push(`${path}: ${command}`);
    }
  }
  deepEqual(broken, []);
});

Deno.test("documents: every command of cipherlayer exists, with its options", async () => {
  const broken: string[] = [];
  for (const path of documents.filter((path) => path !== "CHANGELOG.md")) {
    const text = await Deno.readTextFile(join(root, path));
    for (const line of findBrokenOptions(text)) broken.push(`${path}: ${line}`);
  }
  deepEqual(broken, []);
});

Deno.test("documents: every path of the repository exists", async () => {
  const broken: string[] = [];
  // The changelog speaks of what was.
  for (const path of documents.filter((path) => path !== "CHANGELOG.md")) {
    const text = await Deno.readTextFile(join(root, path));
    for (const file of findBrokenPaths(path, text)) {
      broken.push(`${path}: ${file}`);
    }
  }
  deepEqual(broken, []);
});

Deno.test("the checks find a broken link, heading, task, program, option and path", () => {
  deepEqual(
    findBrokenOptions([
      "```",
      "npx -y deno task cipherlayer plan my-model --json   # --gone is a comment",
      "npx -y deno task cipherlayer keys create a.key --gone",
      "npx -y deno task cipherlayer keys melt a.key",
      "npx -y ./cipherlayer.tgz melt",
      "```",
    ].join("\n")).map((line) => line.split(" ").at(-1)),
    ["--gone", "a.key", "melt"],
  );
  deepEqual(
    findBrokenLinks(
      "README.md",
      "# One two\n[a](#one-two) [b](#three) [c](gone.md) [d](SECURITY.md) [e](https://example.org)",
    ),
    ["#three", "gone.md"],
  );
  deepEqual(
    findBrokenCommands(
      "deno task demo, deno task gone, deno run -A examples/01_quickstart.ts, deno run -A examples/gone.ts",
    ),
    ["deno task gone", "deno run -A examples/gone.ts"],
  );
  deepEqual(findBrokenPaths("README.md", "`sdk/mod.ts` and `sdk/gone.ts`"), [
    "sdk/gone.ts",
  ]);
});
