/**
 * The models that the page's own functions serve.
 *
 * @module
 */
import { join } from "node:path";
import {
  readPackage,
  writePackage,
} from "../../models/package/read_package.ts";
import { zooFolder } from "../../models/package/zoo.ts";
import { sealedModel } from "./sealed_model.ts";

/** Where the zoo has them. */
const packages = ["lenet-mnist/package", sealedModel];

/** Writes the open network and the sealed one into a folder that functions serve. */
export async function writeModels(folder: string): Promise<void> {
  for (const path of packages) {
    const model = await readPackage(join(zooFolder, path));
    await writePackage(join(folder, model.manifest.name, "package"), model);
  }
}
