/**
 * What the environment says of the functions. Runtime: Node.
 *
 * @module
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import type { PackageFiles } from "../../models/package/package_bytes.ts";
import type { AppOptions } from "../app.ts";
import { EmbeddedModels } from "./embedded_models.ts";
import { packageFolders } from "./package_folders.ts";
import { portableOptions } from "../settings/options.ts";
import { Settings } from "../settings/settings.ts";
import { FolderNonceStore } from "./spent_folder.ts";

// Node has it from version 22 on.
Promise.withResolvers ??= function <T>() {
  const made = {} as PromiseWithResolvers<T>;
  made.promise = new Promise<T>((resolve, reject) =>
    Object.assign(made, { resolve, reject })
  );
  return made;
};

/**
 * Reads settings and models.
 *
 * @param sealingKey in place of the environment's
 * @throws {Error} for what cannot be read
 */
export async function nodeOptions(
  sealingKey: Uint8Array,
): Promise<AppOptions> {
  const settings = new Settings(process.env, "node");
  const models = settings.text("CIPHERLAYER_MODELS");
  const spent = settings.text("CIPHERLAYER_SPENT_TOKENS");
  if (!models) {
    throw new RangeError("Cannot start: expected CIPHERLAYER_MODELS, got none");
  }
  const packages = new Map<string, PackageFiles>();
  for (const [name, folder] of await packageFolders(models)) {
    const files = new Map<string, Uint8Array>();
    for (const file of await readdir(folder)) {
      // Copied: a Buffer is a Uint8Array with methods of its own.
      files.set(file, new Uint8Array(await readFile(join(folder, file))));
    }
    packages.set(name, files);
  }
  return {
    ...portableOptions(settings),
    models: new EmbeddedModels(packages),
    nonces: spent ? new FolderNonceStore(spent) : undefined,
    sealingKey,
  };
}
