/**
 * The SDK's bundle on Bun, and on Deno for arm64 in an emulator. Ignored without them:
 *
 *     npm install --global bun
 *     apt-get install qemu-user libc6-arm64-cross libgcc-s1-arm64-cross
 *
 * The arm64 Deno itself comes from npm, of the same version as the one that runs.
 */
import assert from "node:assert/strict";
import { bundle } from "../../functions/hosts/bundle.ts";
import { selectKernel } from "../../sdk/paillier/public/select_kernel.ts";
import type { CheckReport } from "./checks.ts";
import { serveChecks } from "./fixture.ts";
import { canRun, runCommand } from "./processes.ts";

const arm64Libraries = "/usr/aarch64-linux-gnu";

const has = async (path: string) =>
  await Deno.stat(path).then(() => true, () => false);

/** Runs the checks by a runtime that is given the script's file. */
async function checkOn(
  command: (folder: string) => Promise<[program: string, ...args: string[]]>,
): Promise<CheckReport> {
  const folder = await Deno.makeTempDir();
  try {
    await bundle("tests/runtimes/checks.ts", `${folder}/bundle.mjs`);
    await using checks = await serveChecks(`${folder}/bundle.mjs`);
    await Deno.writeTextFile(
      `${folder}/run.mjs`,
      `import { checkRuntime } from "./bundle.mjs";
      const report = await checkRuntime(${JSON.stringify(checks.input)});
      console.log(JSON.stringify(report));`,
    );
    const [program, ...args] = await command(folder);
    const output = await runCommand(program, [...args, "run.mjs"], folder);
    const report: CheckReport = JSON.parse(output);
    assert.deepEqual(report.scores, checks.expectedScores);
    assert.equal(report.products, 160);
    assert.equal(report.roundTrips, 10);
    assert.equal(report.answerKernel, report.kernel);
    return report;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test({
  name:
    "Bun runs the SDK's bundle: products, round trips, a whole inference (ignored without bun: npm install --global bun)",
  ignore: !await canRun("bun"),
  async fn() {
    const { runtime } = await checkOn(() => Promise.resolve(["bun", "run"]));
    assert.match(runtime, /^Bun/);
  },
});

Deno.test({
  name:
    "Deno for arm64, emulated, runs the SDK's bundle by the fast kernel (ignored without qemu-user, libc6-arm64-cross, libgcc-s1-arm64-cross)",
  ignore: !await canRun("qemu-aarch64") || !await has(arm64Libraries),
  async fn() {
    const { kernel } = await checkOn(async (folder) => {
      const name = `linux-arm64-glibc-${Deno.version.deno}`;
      const spec = `@deno/linux-arm64-glibc@${Deno.version.deno}`;
      await runCommand("npm", ["pack", "--silent", spec], folder);
      await runCommand("tar", ["xzf", `deno-${name}.tgz`], folder);
      await Deno.chmod(`${folder}/package/deno`, 0o755);
      const emulated = ["-L", arm64Libraries, `${folder}/package/deno`];
      return ["qemu-aarch64", ...emulated, "run", "-A"];
    });
    assert.equal(kernel, selectKernel().name);
  },
});
