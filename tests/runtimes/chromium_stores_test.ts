/**
 * Keys and queued readings in a real browser's IndexedDB. Needs Debian's chromium:
 * `apt-get install chromium`; ignored without it.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { bundle } from "../../functions/hosts/bundle.ts";
import { testKey } from "../vectors/keys.ts";
import { serveChecks } from "./fixture.ts";

const executablePath = "/usr/bin/chromium";

Deno.test({
  name:
    "IndexedDB keeps keys and readings, sealed, from one load of a page to the next (ignored without /usr/bin/chromium: apt-get install chromium)",
  ignore: !existsSync(executablePath),
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const path = `${folder}/bundle.js`;
      await bundle("tests/runtimes/store_checks.ts", path);
      await using checks = await serveChecks(path);
      const { url, primes } = checks.input;
      const browser = await chromium.launch({
        executablePath,
        args: ["--no-sandbox"],
      });
      try {
        const page = await browser.newPage();
        const call = async (name: string, argument?: unknown) => {
          await page.goto(url); // Nothing of the call before is in memory.
          return await page.evaluate(async ({ name, argument }) => {
            const module = await import(
              new URL("bundle.js", location.href).href
            );
            return await module[name](argument);
          }, { name, argument });
        };
        await call("fill", primes);
        const report = await call("inspect");
        const { fingerprint } = testKey(512).publicKey;
        assert.deepEqual(report.retired, [fingerprint]);
        assert.notEqual(report.current, fingerprint);
        assert.match(report.current, /^[0-9a-f]{64}$/);
        assert.equal(report.waiting, 2);
        assert.deepEqual(report.names, [
          "key",
          `key.${fingerprint}`,
          "0.queued",
          "1.queued",
        ]);
        for (const prime of primes) assert.ok(!report.text.includes(prime));
        assert.equal(await call("openWrongly"), "wrong-passphrase");
        const opened: string[] = await call("openAtOnce");
        assert.equal(opened.length, 3);
        assert.equal(new Set(opened).size, 1);
        await call("forgetRetired");
        assert.deepEqual((await call("inspect")).retired, []);
      } finally {
        await browser.close();
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
