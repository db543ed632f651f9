/** The end of a run: which tests were skipped, and whether that fails it. */
import { equal, match } from "node:assert/strict";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("run_all.ts", import.meta.url));

/** Runs a file of tests as `deno task test` does. */
async function run(text: string, ...args: string[]) {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/some_test.ts`, text);
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--no-check",
        program,
        "--no-check",
        ...args,
        "some_test.ts",
      ],
      cwd: folder,
      stderr: "null",
    }).output();
    return { code, told: new TextDecoder().decode(stdout) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const passing = `Deno.test("runs", () => {});`;
const skipping = `${passing}
Deno.test({ name: 'is <not> "run"', ignore: true, fn() {} });
Deno.test("has steps", async (t) => {
  await t.step({ name: "not taken", ignore: true, fn() {} });
});`;

Deno.test("a run ends with the skipped tests; --require-all fails on them", async () => {
  const lax = await run(skipping);
  equal(lax.code, 0);
  match(
    lax.told,
    /Skipped tests: 2\n {2}\.\/some_test\.ts: is <not> "run"\n {2}\.\/some_test\.ts: has steps > not taken\n$/,
  );
  equal((await run(skipping, "--require-all")).code, 1);
  const whole = await run(passing, "--require-all");
  equal(whole.code, 0);
  match(whole.told, /Skipped tests: 0\n$/);
  equal((await run(skipping, "--require-all", "--filter=runs")).code, 0);
});

Deno.test("a test that fails, or does not compile, fails the run", async () => {
  equal((await run(`Deno.test("fails", () => { throw 1; });`)).code, 1);
  equal((await run(`Deno.test("no end", () => {`)).code, 1);
});
