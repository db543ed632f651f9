/**
 * The models that the page's own functions serve.
 *
 * @module
 */
import { join } from "node:path";
import type { Manifest } from "../../models/package/format.ts";
import {
  readPackage,
  writePackage,
} from "../../models/package/read_package.ts";
import { zooFolder } from "../../models/package/zoo.ts";
import { sealedModel } from "./sealed_model.ts";

const model = "lenet-mnist";

/** The manifest of the same network as one that gateways learn the answer of alone. */
export function sealManifest(manifest: Manifest): Manifest {
  return {
    ...manifest,
    name: sealedModel,
    privacy: "sealed",
    reveal: "label",
  };
}

/** Writes the network into a folder, open and sealed. */
export async function writeModels(folder: string): Promise<void> {
  const read = await readPackage(join(zooFolder, model, "package"));
  const sealed = { ...read, manifest: sealManifest(read.manifest) };
  await writePackage(join(folder, model, "package"), read);
  await writePackage(join(folder, sealedModel, "package"), sealed);
}
