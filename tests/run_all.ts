/**
 * `deno task test`: runs the tests and says at the end which of them were skipped.
 *
 *     deno task test [--require-all] [arguments of deno test]
 *
 * With `--require-all` a skipped test fails the run.
 *
 * @module
 */
import { listSkipped } from "./support/junit.ts";

const requireAll = Deno.args.includes("--require-all");
const report = await Deno.makeTempFile({ suffix: ".xml" });
try {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      "-A",
      "--parallel",
      `--junit-path=${report}`,
      ...Deno.args.filter((argument) => argument !== "--require-all"),
    ],
    stdin: "inherit",
  }).spawn().status;
  // Empty where no test ran, because one did not compile.
  const skipped = listSkipped(await Deno.readTextFile(report));
  console.log(`Skipped tests: ${skipped.length}`);
  for (const test of skipped) console.log(`  ${test}`);
  Deno.exitCode = code !== 0 ? code : requireAll && skipped.length > 0 ? 1 : 0;
} finally {
  await Deno.remove(report);
}
