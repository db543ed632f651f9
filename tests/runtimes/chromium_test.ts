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

Deno.test({
  name:
    "Chromium runs the SDK's bundle: products, round trips, a whole inference (ignored without /usr/bin/chromium: apt-get install chromium)",
  ignore: !existsSync(executablePath),
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const path = `${folder}/bundle.js`;
      await bundle("tests/runtimes/checks.ts", path);
      await using checks = await serveChecks(path);
      const browser = await chromium.launch({
        executablePath,
        args: ["--no-sandbox"],
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
        assert.equal(report.kernel, selectKernel().name);
        assert.equal(report.answerKernel, report.kernel);
      } finally {
        await browser.close();
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
