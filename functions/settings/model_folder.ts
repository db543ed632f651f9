/**
 * The folder of model packages that the environment names. Runtime: Deno and Node.
 *
 * @module
 */
import { zooFolder } from "../../models/package/zoo.ts";
import { FolderModelStore } from "../models/folder_models.ts";
import type { Settings } from "./settings.ts";

/** `CIPHERLAYER_MODELS`, else the zoo. */
export function folderModels(settings: Settings): FolderModelStore {
  return new FolderModelStore(folderOf(settings));
}

/**
 * Looks at the folder that is served: one without models is a mistake.
 *
 * @throws {RangeError} if it cannot be read or holds no package
 */
export async function checkModelFolder(settings: Settings): Promise<void> {
  if (await folderModels(settings).hasModels()) return;
  throw new RangeError(
    `Cannot use CIPHERLAYER_MODELS: expected a folder of model packages, found none in ${
      folderOf(settings)
    }`,
  );
}

function folderOf(settings: Settings): string {
  return settings.text("CIPHERLAYER_MODELS") ?? zooFolder;
}
