/**
 * `deno task mutate`: breaks one line at a time in a copy of the repository and
 * runs the tests of its area. A mutation that no test notices survives: exit code 1.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { type Mutation, mutations } from "./mutations.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

type Outcome = "caught" | "survived";

interface Options {
  only?: string;
  state?: string;
  json?: boolean;
}

async function main(): Promise<number> {
  const options = new Command("mutate")
    .description("Breaks one line at a time; some test must fail on each.")
    .option("--only <text>", "mutations whose name or file contains this")
    .option("--state <file>", "outcomes so far: goes on where it stopped")
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      "\nExamples:\n  deno task mutate\n  deno task mutate --only mask --state /tmp/mutate.json",
    )
    .parse(["deno", "mutate", ...Deno.args])
    .opts<Options>();
  const chosen = mutations.filter(({ name, file }) =>
    !options.only || name.includes(options.only) || file.includes(options.only)
  );
  const originals = await readOriginals(chosen);
  const outcomes = await readState(options.state);
  const copy = await copyRepository();
  try {
    await checkUnbroken(chosen, copy);
    for (const [i, mutation] of chosen.entries()) {
      const { name, file } = mutation;
      if (outcomes[name] === undefined) {
        const original = originals.get(file)!;
        const { find, replace } = mutation;
        // A function, so that "$" in the replacement means itself.
        const broken = original.replace(find, () => replace);
        await Deno.writeTextFile(join(copy, file), broken);
        const passed = await runTests(mutation.tests, copy);
        await Deno.writeTextFile(join(copy, file), original);
        outcomes[name] = passed ? "survived" : "caught";
        await writeState(options.state, outcomes);
      }
      console.error(`${i + 1}/${chosen.length} ${outcomes[name]}: ${name}`);
    }
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
  const survivors = chosen.filter(({ name }) => outcomes[name] === "survived")
    .map(({ name }) => name);
  const caught = chosen.length - survivors.length;
  if (options.json) {
    console.log(
      JSON.stringify({ mutations: chosen.length, caught, survivors }),
    );
  } else {
    console.log(`${caught} of ${chosen.length} mutations caught`);
    for (const name of survivors) console.log(`survived: ${name}`);
  }
  return survivors.length === 0 ? 0 : 1;
}

/** The files as they are; throws where a mutation's text does not stand there once. */
async function readOriginals(
  chosen: readonly Mutation[],
): Promise<Map<string, string>> {
  const { originals, lost } = await findLost(chosen);
  if (lost.length > 0) {
    throw new Error(`Cannot apply mutations:\n${lost.join("\n")}`);
  }
  return originals;
}

/** The files of mutations, and in words those whose text does not stand there once. */
export async function findLost(
  chosen: readonly Mutation[],
): Promise<{ originals: Map<string, string>; lost: string[] }> {
  const originals = new Map<string, string>();
  const lost: string[] = [];
  for (const { name, file, find } of chosen) {
    const text = originals.get(file) ??
      await Deno.readTextFile(join(root, file)).catch(() => "");
    originals.set(file, text);
    const count = text.split(find).length - 1;
    if (count !== 1) {
      lost.push(
        `"${name}": expected its text once in ${file}, got ${count} times`,
      );
    }
  }
  return { originals, lost };
}

/** A copy of the files that git knows or would take; `shared/` beside it is not needed. */
async function copyRepository(): Promise<string> {
  const copy = await Deno.makeTempDir({ prefix: "mutate-" });
  const { stdout } = await new Deno.Command("git", {
    args: ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    cwd: root,
  }).output();
  const paths = new TextDecoder().decode(stdout).split("\0").filter(Boolean);
  for (const path of new Set(paths)) {
    await Deno.mkdir(join(copy, dirname(path)), { recursive: true });
    await Deno.copyFile(join(root, path), join(copy, path)).catch((error) => {
      // Deleted, and not yet committed so.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
  return copy;
}

async function checkUnbroken(
  chosen: readonly Mutation[],
  copy: string,
): Promise<void> {
  const tests = [...new Set(chosen.flatMap(({ tests }) => tests))];
  console.error(`Running ${tests.length} test files unbroken`);
  if (!await runTests(tests, copy)) {
    throw new Error("Cannot measure: the tests fail without a mutation");
  }
}

async function runTests(tests: string[], cwd: string): Promise<boolean> {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", "--parallel", "--fail-fast", ...tests],
    cwd,
    stdout: "null",
    stderr: "null",
  }).output();
  return code === 0;
}

async function readState(
  path: string | undefined,
): Promise<Record<string, Outcome>> {
  if (!path) return {};
  try {
    return JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw error;
  }
}

async function writeState(
  path: string | undefined,
  outcomes: Record<string, Outcome>,
): Promise<void> {
  if (path) await Deno.writeTextFile(path, JSON.stringify(outcomes, null, 1));
}

if (import.meta.main) Deno.exit(await main());
