/**
 * The demo's model as its owner would seal it.
 *
 * @module
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  readPackage,
  writePackage,
} from "../../models/package/read_package.ts";
import { zooFolder } from "../../models/package/zoo.ts";
import { manifestContract } from "../../models/protections/contract.ts";

/** A folder with one sealed package, and its contract to pin. */
export interface SealedPackage extends AsyncDisposable {
  folder: string;
  contract: string;
}

/** Copies a package of the zoo to a separate folder, as a sealed one. */
export async function sealPackage(model: string): Promise<SealedPackage> {
  const { manifest, ...rest } = await readPackage(
    join(zooFolder, model, "package"),
  );
  const sealed = {
    ...manifest,
    privacy: "sealed",
    reveal: "label",
  } as const;
  const folder = await mkdtemp(join(tmpdir(), "cipherlayer-demo-"));
  await writePackage(`${folder}/${model}/package`, {
    ...rest,
    manifest: sealed,
  });
  return {
    folder,
    contract: manifestContract(sealed),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}
