/**
 * The SDK in a real browser. Needs Debian's chromium: `apt-get install chromium`;
 * ignored without it.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { bundle } from "../../functions/hosts/bundle.ts";
import { selectKernel } from "../../sdk/paillier/public/select_kernel.ts";
import { serveChecks } from "./fixture.ts";

const executablePath = "/usr/bin/chromium";

/** As on this machine, and as on one whose processor does not fuse multiply-adds. */
const processors = [
  { name: "this processor", flags: [], kernel: selectKernel().name },
  {
    name: "a processor without fused multiply-add",
    flags: ["--js-flags=--no-enable-fma3"],
    kernel: Deno.build.arch === "x86_64" ? "wasm-unfused" : selectKernel().name,
  },
];

for (const processor of processors) {
  Deno.test({
    name:
      `Chromium on ${processor.name} runs the SDK's bundle: products, round trips, a whole inference (ignored without /usr/bin/chromium: apt-get install chromium)`,
    ignore: !existsSync(executablePath),
    async fn() {
      const folder = await Deno.makeTempDir();
      try {
        const path = `${folder}/bundle.js`;
        await bundle("tests/runtimes/checks.ts", path);
        await using checks = await serveChecks(path);
        const browser = await chromium.launch({
          executablePath,
          args: ["--no-sandbox", ...processor.flags],
        });
        try {
          const page = await browser.newPage();
          await page.goto(checks.input.url);
          const report = await page.evaluate(async (input) => {
            const { checkRuntime } = await import(`${input.url}/bundle.js`);
            return await checkRuntime(input);
          }, checks.input);
          assert.deepEqual(report.scores, checks.expectedScores);
          assert.equal(report.products, 160);
          assert.equal(report.roundTrips, 10);
          assert.match(report.runtime, /Chrome/);
          assert.equal(report.kernel, processor.kernel);
          assert.equal(report.answerKernel, report.kernel);
        } finally {
          await browser.close();
        }
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}
