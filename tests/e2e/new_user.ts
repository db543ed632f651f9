/**
 * A new user's way, timed step by step: from an empty folder to an answer in Node and
 * in Deno, and to a device in Home Assistant's discovery. Needs npm and its registry.
 *
 *     deno run -A tests/e2e/new_user.ts
 *
 * @module
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { deviceTopics } from "../../examples/smart_home/mqtt_device.ts";
import { describeMachine } from "../../cli/output/machine.ts";
import { runCommand } from "../runtimes/processes.ts";
import { cloudWith, startApp } from "../support/apps.ts";
import { startBroker, Watcher } from "../support/broker.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const passphrase = { CIPHERLAYER_PASSPHRASE: "a passphrase" };
const npm = ["install", "--no-audit", "--no-fund"];

/** Does a step and tells how long it took. */
async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const result = await work();
  const seconds = (performance.now() - started) / 1000;
  console.log(`${seconds.toFixed(1).padStart(6)} s  ${name}`);
  return result;
}

/** In a new folder: the package, a program, its answer; the second run has the key. */
async function infer(runtime: string, command: string[], sdk: string) {
  const folder = await Deno.makeTempDir();
  try {
    await using cloud = await cloudWith("occupancy");
    await step(
      `${runtime}: npm install`,
      () => runCommand("npm", [...npm, sdk], folder),
    );
    await Deno.copyFile(`${root}examples/05_node.mjs`, `${folder}/a.mjs`);
    const [program, ...args] = command;
    for (const run of ["first answer, with a new key", "again"]) {
      const text = await step(`${runtime}: ${run}`, () =>
        runCommand(
          program,
          [...args, "a.mjs", cloud.url],
          folder,
          passphrase,
        ));
      assert.match(text, /^The room is occupied/);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The app beside a broker, with functions of its own. */
async function discover() {
  await using broker = await startBroker();
  await using watcher = await Watcher.connect(broker.url);
  const { config, state } = deviceTopics("occupancy");
  const args = ["--simulate", "--broker", broker.url];
  await step(
    "app: device described to Home Assistant and first state",
    async () => {
      await using app = await startApp("occupancy", args);
      const [description] = await watcher.until(config, 1);
      assert.ok(JSON.parse(description).components.occupied);
      await watcher.until(state, 1);
      await Promise.all([app.child.stdout.cancel(), app.child.stderr.cancel()]);
    },
  );
}

const { cpu, cores, load } = describeMachine();
console.log(`${cpu}, ${cores} cores, load ${load}`);
const folder = await Deno.makeTempDir();
try {
  const sdk = `${folder}/cipherlayer-sdk.tgz`;
  const pack = ["-y", "deno", "task", "pack", sdk];
  await step("SDK packed", () => runCommand("npx", pack, root));
  await infer("Node", ["node"], sdk);
  await infer("Deno", [Deno.execPath(), "run", "-A"], sdk);
  await discover();
} finally {
  await Deno.remove(folder, { recursive: true });
}
