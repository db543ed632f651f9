/** The SDK in Node. Ignored where there is no `node` of version 20 or later. */
import assert from "node:assert/strict";
import { bundle } from "../../functions/hosts/bundle.ts";
import { selectKernel } from "../../sdk/paillier/public/select_kernel.ts";
import type { CheckInput, CheckReport } from "./checks.ts";
import { serveChecks } from "./fixture.ts";
import { nodeMajor } from "./processes.ts";

/** Node below 22 has the kernel's instructions behind this flag. */
const relaxedSimd = "--experimental-wasm-relaxed-simd";
/** Keeps the SDK from setting it. */
const keepFlags =
  'process.getBuiltinModule("node:v8").setFlagsFromString = () => {};';

Deno.test({
  name:
    "Node runs the SDK's bundle: products, round trips, a whole inference, with and without relaxed SIMD",
  ignore: await nodeMajor() < 20,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const path = `${folder}/bundle.mjs`;
      await bundle("tests/runtimes/checks.ts", path);
      await using checks = await serveChecks(path);

      const plain = await runInNode(folder, checks.input, []);
      assert.deepEqual(plain.scores, checks.expectedScores);
      assert.equal(plain.answerKernel, plain.kernel);
      assert.equal(plain.products, 160);
      assert.equal(plain.roundTrips, 10);

      const fast = await runInNode(folder, checks.input, [relaxedSimd]);
      assert.deepEqual(fast.scores, checks.expectedScores);
      // The processor is the same as Deno's, so the kernel must be too.
      assert.equal(fast.kernel, selectKernel().name);

      if (await nodeMajor() >= 22) return; // relaxed SIMD cannot be taken away
      const without = await runInNode(folder, checks.input, [], keepFlags);
      assert.deepEqual(without.scores, checks.expectedScores);
      assert.equal(without.kernel, "wasm-unfused");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

/** Runs the checks in a fresh Node process. */
async function runInNode(
  folder: string,
  input: CheckInput,
  flags: string[],
  before = "",
): Promise<CheckReport> {
  const script = `${before}
    const { checkRuntime } = await import("${folder}/bundle.mjs");
    const report = await checkRuntime(JSON.parse(process.argv[1]));
    console.log(JSON.stringify(report));`;
  const { stdout, stderr, success } = await new Deno.Command("node", {
    args: [
      ...flags,
      "--input-type=module",
      "--eval",
      script,
      JSON.stringify(input),
    ],
    stdout: "piped",
    stderr: "piped",
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}
