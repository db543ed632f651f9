/** The fuzzer finds what is planted, and the command says what it did. */
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import { damagedBytes } from "./bytes.ts";
import { runCases } from "./run_cases.ts";
import { coded, type FuzzTarget, hidesCrash, range, taken } from "./target.ts";
import { damagedTrees } from "./trees.ts";

const planted: FuzzTarget<Uint8Array> = {
  inputs: damagedBytes([new Uint8Array(20)]),
  check(bytes) {
    if (bytes.length > 30) throw new Error("planted");
  },
  quickCases: 0,
};

Deno.test("a planted fault is found, made small, and met again by seed and path", async () => {
  const found = await runCases("planted", planted, { seed: 1, cases: 2000 });
  assert.ok(found);
  assert.match(found.error, /planted/);
  const { seed, path } = found;
  const inputs: unknown[] = [];
  const again = await runCases("planted", planted, {
    seed,
    path,
    cases: 2000,
    onCase: (input) => inputs.push(input),
  });
  assert.equal(again?.input, found.input);
  assert.equal(inputs.length, 1);
  assert.equal(await runCases("x", planted, { seed: 1, cases: 1 }), null);
});

Deno.test("a case that takes too long is a finding", async () => {
  const slow = { ...planted, check: () => {} };
  const found = await runCases("slow", slow, {
    seed: 1,
    cases: 5,
    maxMs: -1,
  });
  assert.match(found?.error ?? "", /The case took \d+ ms/);
});

Deno.test("errors of the engine are no refusals, wrapped or not", () => {
  const engine = () => (undefined as unknown as { x: number }).x;
  assert.throws(() => taken(coded("malformed"), engine), TypeError);
  assert.throws(() => taken(range, () => new Array(-1)), RangeError);
  const ours = new RangeError("Cannot read x: expected 1, got 2");
  assert.equal(
    taken(range, () => {
      throw ours;
    }),
    null,
  );
  assert.equal(hidesCrash(ours), false);
  let crash: unknown;
  try {
    engine();
  } catch (error) {
    crash = error;
  }
  assert.equal(hidesCrash(new Error("Cannot read", { cause: crash })), true);
});

Deno.test("damage to a sample leaves the sample as it is", async () => {
  const sample = { list: [1, 2, { name: "x" }], bytes: new Uint8Array(3) };
  const before = structuredClone(sample);
  const seen = new Set<string>();
  await runCases("trees", {
    inputs: damagedTrees([sample]),
    check: (tree) => void seen.add(JSON.stringify(tree)),
    quickCases: 0,
  }, { seed: 3, cases: 500 });
  assert.deepEqual(sample, before);
  assert.ok(seen.size > 250, `${seen.size} different ones`);
});

async function command(...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      fileURLToPath(new URL("main.ts", import.meta.url)),
      ...args,
    ],
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test("the command counts cases, and refuses what it does not know", async () => {
  const [done, unknown] = await Promise.all([
    command("--target", "npy", "--cases", "700", "--seed", "5", "--json"),
    command("--target", "nothing"),
  ]);
  assert.equal(done.code, 0, done.stderr);
  const [row] = JSON.parse(done.stdout).rows;
  assert.deepEqual([row.target, row.cases, row.finding], ["npy", 700, null]);
  assert.ok(row.peakMebibytes > 10 && row.casesPerSecond > 0);
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /Cannot fuzz nothing: there is no such target/);
});
