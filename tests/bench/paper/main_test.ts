/** The command: what it refuses, and what it writes where nothing was measured. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { existsSync } from "node:fs";

const root = new URL("../../../", import.meta.url);

async function paper(...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--quiet", "bench/paper/main.ts", ...args],
    cwd: root,
  }).output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

async function folder() {
  const path = await Deno.makeTempDir();
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

Deno.test("refuses an unknown stage and names the known ones", async () => {
  const { code, stdout, stderr } = await paper("--only", "nonsense");
  equal(code, 2);
  equal(stdout, "");
  match(stderr, /Cannot measure nonsense: expected one of .*key-lengths/);
});

Deno.test("turns a state into a table; the page says that the run is not over", async () => {
  await using out = await folder();
  const state = `${out.path}/state.jsonl`;
  const line = {
    index: 0,
    predicted: 7,
    simulated: 7,
    roundsEqual: true,
    label: 7,
    seconds: 0.5,
    samples: 1,
    model: "lenet-mnist",
    version: "123",
    keyBits: 512,
    machine: "another machine",
    finishedAt: "2026-01-02T03:04:05.678Z",
  };
  // Cut off, as a run leaves it that goes on.
  const text = `${JSON.stringify(line)}\n{"index":1,`;
  await Deno.writeTextFile(state, text);
  const { code, stdout, stderr } = await paper(
    ...["--only", "encrypted", "--state", state],
    ...["--out", out.path, "--json"],
  );
  equal(code, 0, stderr);
  const { stages, page, figures } = JSON.parse(stdout);
  deepEqual(stages[0].tables, { "encrypted-lenet-mnist-512": 1 });
  equal(await Deno.readTextFile(state), text);
  const shown = await Deno.readTextFile(page);
  match(shown, /1 of 10,000 samples \*\*so far\*\*/);
  match(shown, /: another machine\./);
  ok(figures.length > 0);
  for (const figure of figures) ok(existsSync(figure), figure);
});
