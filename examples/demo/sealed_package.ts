/**
 * The demo's model as its owner would seal it.
 *
 * @module
 */
import {
  readPackage,
  writePackage,
} from "../../models/package/read_package.ts";
import { manifestContract } from "../../models/protections/contract.ts";

/** A folder with one sealed package, and its contract to pin. */
export interface SealedPackage extends AsyncDisposable {
  folder: string;
  contract: string;
}

/** Copies a package of the zoo to a folder of its own, as one that is sealed. */
export async function sealPackage(model: string): Promise<SealedPackage> {
  const zoo = new URL(`../../models/zoo/${model}/package`, import.meta.url);
  const { manifest, ...rest } = await readPackage(zoo.pathname);
  const sealed = {
    ...manifest,
    privacy: "sealed",
    reveal: "label",
  } as const;
  const folder = await Deno.makeTempDir({ prefix: "cipherlayer-demo-" });
  await writePackage(`${folder}/${model}/package`, {
    ...rest,
    manifest: sealed,
  });
  return {
    folder,
    contract: manifestContract(sealed),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}
