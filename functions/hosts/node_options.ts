/**
 * What the environment says of the functions. Runtime: Node.
 *
 * @module
 */
import "./node_20.ts";
import process from "node:process";
import type { AppOptions } from "../app.ts";
import { accessFrom } from "../settings/access.ts";
import { checkModelFolder, folderModels } from "../settings/model_folder.ts";
import { sharedOptions } from "../settings/options.ts";
import { Settings } from "../settings/settings.ts";
import { FolderNonceStore } from "./spent_folder.ts";

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
  const spent = settings.text("CIPHERLAYER_SPENT_TOKENS");
  await checkModelFolder(settings);
  return {
    models: folderModels(settings),
    ...sharedOptions(settings),
    access: await accessFrom(settings),
    nonces: spent ? new FolderNonceStore(spent) : undefined,
    sealingKey,
  };
}
