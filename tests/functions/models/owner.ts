/** Owners and their releases, for tests. */
import { OwnerKeys } from "../../../functions/models/owner_keys.ts";
import type { Deployments } from "../../../functions/models/deployments.ts";
import { OwnerKey } from "../../../cli/owner/owner_key.ts";
import { encodePackage } from "../../../models/package/package_bytes.ts";
import type { ModelPackage } from "../../../models/package/format.ts";
import {
  encodeRelease,
  makeRelease,
  type Release,
  releaseId,
} from "../../../models/package/release.ts";
import { tinyDense, tinyModel } from "../../reference/tiny_models.ts";

async function newOwner(): Promise<OwnerKey> {
  const folder = await Deno.makeTempDir();
  const key = await OwnerKey.create(`${folder}/owner.jwk`);
  await Deno.remove(folder, { recursive: true });
  return key;
}

export const owner: OwnerKey = await newOwner();
export const secondOwner: OwnerKey = await newOwner();
export const stranger: OwnerKey = await newOwner();
export const ownerKeys = new OwnerKeys([
  owner.publicKey,
  secondOwner.publicKey,
]);

/** A model of some megabytes, so that its release has several chunks. */
export function largeModel(version: string, seed = 1): ModelPackage {
  const model = tinyModel(seed, [1500], [
    { kind: "dense", length: 1500 },
    { kind: "dense", length: 3 },
  ]);
  Object.assign(model.manifest, { name: "large", version });
  return model;
}

/** The smallest, quick to upload. */
export function smallModel(version: string, seed = 1): ModelPackage {
  const model = tinyDense(seed);
  Object.assign(model.manifest, { name: "small", version });
  return model;
}

/** The same model under another version. */
export function versionOf(model: ModelPackage, version: string): ModelPackage {
  return { ...model, manifest: { ...model.manifest, version } };
}

export interface TestRelease {
  release: Release;
  chunks: Map<string, Uint8Array>;
  id: string;
  signed: string;
}

export async function releaseOf(
  model: ModelPackage,
  key: OwnerKey = owner,
): Promise<TestRelease> {
  const { release, chunks } = makeRelease(encodePackage(model));
  const id = releaseId(encodeRelease(release));
  return { release, chunks, id, signed: await key.sign(release) };
}

/** All of an upload but its end. */
export async function send(
  deployments: Deployments,
  { release, chunks, id, signed }: TestRelease,
): Promise<void> {
  const { missing } = await deployments.begin(release.name, signed);
  for (const digest of missing) {
    await deployments.putChunk(release.name, id, digest, chunks.get(digest)!);
  }
}

/** Uploads and activates. */
export async function deploy(
  deployments: Deployments,
  model: ModelPackage,
  key: OwnerKey = owner,
): Promise<TestRelease> {
  const upload = await releaseOf(model, key);
  const { name, version } = model.manifest;
  await send(deployments, upload);
  await deployments.commit(name, upload.id);
  await deployments.activate(name, version);
  return upload;
}
