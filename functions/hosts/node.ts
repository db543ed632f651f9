/**
 * The functions on Node 20 or later: `deno task serve --on node`, or bundled by
 * `--build` and started by `node functions.mjs`. From the environment, beside what
 * `settings.ts` reads:
 *
 * - `CIPHERLAYER_MODELS`: folder of model packages, read once;
 * - `HOST` and `PORT`: where to listen, default 127.0.0.1 and 8000.
 *
 * @module
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { serve } from "@hono/node-server";
import type { PackageFiles } from "../../models/package.ts";
import { selectKernel } from "../../sdk/paillier/select_kernel.ts";
import { platformRandom } from "../../sdk/random.ts";
import { createApp } from "../app.ts";
import { EmbeddedModels } from "./embedded_models.ts";
import { packageFolders } from "./package_folders.ts";
import { settingsFrom } from "./settings.ts";

// Node has it from version 22 on.
Promise.withResolvers ??= function <T>() {
  const made = {} as PromiseWithResolvers<T>;
  made.promise = new Promise<T>((resolve, reject) =>
    Object.assign(made, { resolve, reject })
  );
  return made;
};

const { CIPHERLAYER_MODELS: models, HOST: hostname, PORT: port } = process.env;
if (!models) {
  throw new RangeError("Cannot start: expected CIPHERLAYER_MODELS, got none");
}
const { sealingKey = randomKey(), ...settings } = settingsFrom(process.env);

const packages = new Map<string, PackageFiles>();
for (const [name, folder] of await packageFolders(models)) {
  const files = new Map<string, Uint8Array>();
  for (const file of await readdir(folder)) {
    // Copied: a Buffer is a Uint8Array with methods of its own.
    files.set(file, new Uint8Array(await readFile(join(folder, file))));
  }
  packages.set(name, files);
}

const kernel = selectKernel();
const app = createApp({
  ...settings,
  kernel,
  models: new EmbeddedModels(packages),
  sealingKey,
});
const server = serve({
  fetch: app.fetch,
  hostname: hostname ?? "127.0.0.1",
  port: Number(port ?? 8000),
  // The adapter's own Response lacks methods of Node's.
  overrideGlobalObjects: false,
}, (at) =>
  console.error(
    `Listening on http://${at.address}:${at.port}/ with the ${kernel.name} kernel`,
  ));

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    // Calls under way are answered; a second signal ends at once.
    server.close(() => process.exit(0));
    process.once(signal, () => process.exit(1));
  });
}

function randomKey(): Uint8Array {
  console.error(
    "CIPHERLAYER_SEALING_KEY is not set: using a random one. Sessions end when this process does, and other instances refuse its tokens.",
  );
  return platformRandom(32);
}
