/**
 * The npm package of the SDK, as a consumer without this repository gets it:
 * packed, installed by npm into an empty folder with what it lists as
 * dependencies and nothing else, run by Node. Ignored where there is no Node 20.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
// Fetched by being imported; `fetched` below needs their folders.
import "node-types/package.json" with { type: "json" };
import "undici-types/package.json" with { type: "json" };
import { packSdk } from "../../cli/release/pack_sdk.ts";
import { readPackage } from "../../models/package/read_package.ts";
import { simulate } from "../../models/simulate/simulate.ts";
import { startCloud } from "../support/cloud.ts";
import { randomReading, tinyLeNet } from "../reference/tiny_models.ts";
import { testKey } from "../vectors/keys.ts";
import { installTarballs } from "./installed.ts";
import { nodeMajor, runCommand } from "./processes.ts";

const ignore = await nodeMajor() < 20;

Deno.test({
  name:
    "the npm package, installed in an empty folder: keys, files, threads, inferences and a queue in Node",
  ignore,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const sdk = await installPackage(folder);
      await Deno.copyFile(
        new URL("./node_consumer.mjs", import.meta.url),
        `${folder}/consumer.mjs`,
      );
      const model = tinyLeNet();
      const [{ scale: [scale], offset: [offset] }] = model.manifest.inputs;
      const integers = randomReading(model, 3);
      const [p, q] = testKey(512).exportPrimes();
      await using cloud = startCloud([model]);
      const report = JSON.parse(
        await runCommand("node", [
          "consumer.mjs",
          JSON.stringify({
            primes: [p.toString(16), q.toString(16)],
            url: cloud.url,
            model: model.manifest.name,
            reading: Array.from(integers, (x) => x * scale + offset),
          }),
        ], folder),
      );
      assert.deepEqual(report.plaintexts, ["0", "1", "123456789"]);
      assert.equal(report.fingerprint, testKey(512).publicKey.fingerprint);
      assert.equal(report.threads, 2);
      const scores = Array.from(simulate(model, integers).scores);
      assert.deepEqual(report.scores, scores);
      assert.deepEqual(report.queued, [scores, scores]);
      checkPackage(sdk);
      await checkBundle(folder);
      await checkTypesInUse(folder);
      await checkCompilers(folder);
      await runExample(folder);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

/** A consumer in TypeScript sees types: what is wrong is told, what is right is not. */
async function checkTypesInUse(folder: string): Promise<void> {
  await Deno.writeTextFile(
    `${folder}/consumer.ts`,
    `import { type Answer, connect } from "@cipherlayer/sdk";
    import { FileKeyStore } from "@cipherlayer/sdk/key-store-file";
    import { packInputs } from "@cipherlayer/sdk/protocol";
    import { type Kernel, selectKernel } from "@cipherlayer/sdk/engine";
    export const kernel: Kernel = selectKernel();
    export async function run(): Promise<Answer> {
      const keys = new FileKeyStore("key", "a passphrase");
      const session = await connect({ url: "http://x", model: "m", keys });
      session.addEventListener("round", ({ detail }) => detail.round + 1);
      // @ts-expect-error A number.
      const label: string = (await session.infer([1])).predicted;
      // @ts-expect-error Three arguments.
      packInputs(label);
      return await session.infer([1]);
    }`,
  );
  await runCommand(Deno.execPath(), ["check", "consumer.ts"], folder);
}

/** A bundler takes what is used, and nothing of the rest. */
async function checkBundle(folder: string): Promise<void> {
  await Deno.writeTextFile(
    `${folder}/one.mjs`,
    'export { exponentialBackoff } from "@cipherlayer/sdk";',
  );
  const bundled = await runCommand(
    Deno.execPath(),
    ["bundle", "--quiet", "--platform=browser", "--minify", "one.mjs"],
    folder,
  );
  assert.ok(bundled.includes("export"), bundled);
  assert.ok(bundled.length < 2000, `${bundled.length} characters`);
}

/** TypeScript's versions and ways of resolution that consumers have. */
const compilers = [
  ["5.4.5", "node16", "node16"],
  ["7.0.2", "nodenext", "nodenext"],
  ["7.0.2", "esnext", "bundler"],
];

/** The same consumer without DOM, declarations of the package checked, too. */
async function checkCompilers(folder: string): Promise<void> {
  const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
  await Promise.all(
    compilers.map(([version, module, resolution]) =>
      runCommand(
        Deno.execPath(),
        [
          ...["run", "-A", "--config", config, "--node-modules-dir=none"],
          ...[`npm:typescript@${version}/tsc`, "--noEmit", "--strict"],
          ...["--target", "es2022", "--lib", "es2023", "--types", "node"],
          ...["--module", module, "--moduleResolution", resolution],
          ...["--skipLibCheck", "false", "consumer.ts"],
        ],
        folder,
      )
    ),
  );
}

/** `examples/05_node.mjs` beside the installed package. */
async function runExample(folder: string): Promise<void> {
  const occupancy = new URL(
    "../../models/zoo/occupancy/package",
    import.meta.url,
  );
  await using cloud = startCloud([
    await readPackage(fileURLToPath(occupancy)),
  ]);
  await Deno.copyFile(
    new URL("../../examples/05_node.mjs", import.meta.url),
    `${folder}/05_node.mjs`,
  );
  const run = () =>
    runCommand("node", ["05_node.mjs", cloud.url], folder, {
      CIPHERLAYER_PASSPHRASE: "a passphrase",
    });
  await assert.rejects(
    runCommand("node", ["05_node.mjs", cloud.url], folder, {
      CIPHERLAYER_PASSPHRASE: "",
    }),
    /: Set CIPHERLAYER_PASSPHRASE: the key is kept under it\.\s*$/,
  );
  // Both runs: the second with the key that the first has made.
  for (const text of [await run(), await run()]) {
    assert.match(text, /^The room is occupied \(\d+ ms\)\./);
  }
}

/** Packs the SDK and installs it in `folder`; returns where it lies. */
async function installPackage(folder: string): Promise<string> {
  const tarball = join(folder, "sdk.tgz");
  await packSdk(tarball);
  await installTarballs(
    folder,
    [tarball],
    [
      "@noble/curves/ed25519.js",
      "@noble/hashes/utils.js",
      "cborg",
      "node-types/package.json",
      "undici-types/package.json",
    ].map((entry) => import.meta.resolve(entry)),
  );
  return join(folder, "node_modules", "@cipherlayer", "sdk");
}

/** Entries and types are there, with licence and description. */
function checkPackage(sdk: string): void {
  const manifest = JSON.parse(Deno.readTextFileSync(`${sdk}/package.json`));
  for (const entry of Object.values<Record<string, string>>(manifest.exports)) {
    for (const path of Object.values(entry)) {
      assert.ok(existsSync(join(sdk, path)), path);
      if (path.endsWith(".d.ts")) checkTypes(join(sdk, path), new Set());
    }
  }
  assert.deepEqual(manifest.engines, { node: ">=20" });
  assert.deepEqual(manifest.sideEffects, ["./paillier/workers/*.js"]);
  for (const name of ["LICENSE", "README.md"]) {
    assert.ok(existsSync(join(sdk, name)), name);
  }
}

/** Declarations that a declaration names, and those that they name, exist. */
function checkTypes(path: string, seen: Set<string>): void {
  if (seen.has(path)) return;
  seen.add(path);
  const text = Deno.readTextFileSync(path);
  for (const [, target] of text.matchAll(/\bfrom "(\.[^"]*)"/g)) {
    const named = join(dirname(path), target.replace(/\.(js|ts)$/, ".d.ts"));
    assert.ok(existsSync(named), `${path} names ${target}`);
    checkTypes(named, seen);
  }
}
