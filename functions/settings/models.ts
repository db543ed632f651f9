import { fileURLToPath } from "node:url";
import type { AppOptions } from "../app.ts";
import { LayeredModels } from "../models/layered_models.ts";
import { FolderModelStore } from "../models/model_store.ts";
import { FolderObjectStore } from "../stores/folder.ts";
import { KvObjectStore } from "../stores/kv.ts";
import type { ObjectStore } from "../stores/object_store.ts";
import { S3ObjectStore } from "../stores/s3.ts";
import { Deployments } from "../models/deployments.ts";
import { OwnerKeys } from "../models/owner_keys.ts";
import type { Settings } from "./settings.ts";

const zoo = fileURLToPath(new URL("../../models/zoo", import.meta.url));

/**
 * The models that are named: packages in the folder `CIPHERLAYER_MODELS`,
 * and those that owners upload to `CIPHERLAYER_STORE`, which hide packages of the
 * same name. Neither: the zoo.
 *
 * @param kv undefined where Deno KV cannot be opened
 * @throws {RangeError} if a setting has another form, or a store has no owners
 */
export function modelsFrom(
  settings: Settings,
  kv: Deno.Kv | undefined,
): Pick<AppOptions, "models" | "deployments"> {
  const folder = settings.text("CIPHERLAYER_MODELS");
  const where = settings.text("CIPHERLAYER_STORE");
  if (!where) return { models: new FolderModelStore(folder || zoo) };
  const keys = settings.list("CIPHERLAYER_OWNER_KEYS");
  if (keys.length === 0) {
    throw new RangeError(
      "Cannot use CIPHERLAYER_STORE: expected the public keys of the models' owners in CIPHERLAYER_OWNER_KEYS (cipherlayer owner-key create)",
    );
  }
  const deployments = new Deployments({
    store: objectStore(where, kv),
    ownerKeys: new OwnerKeys(keys),
  });
  return {
    models: folder
      ? new LayeredModels(deployments.models, new FolderModelStore(folder))
      : deployments.models,
    deployments,
  };
}

/**
 * Looks at the folder that is set: one without models is a mistake.
 *
 * @throws {RangeError} if it cannot be read or holds no package
 */
export async function checkModelFolder(settings: Settings): Promise<void> {
  const folder = settings.text("CIPHERLAYER_MODELS");
  if (!folder || await new FolderModelStore(folder).hasModels()) return;
  throw new RangeError(
    `Cannot use CIPHERLAYER_MODELS: expected a folder of model packages, found none in ${folder}`,
  );
}

/** `kv`, `s3://bucket/prefix` or a folder. */
function objectStore(where: string, kv: Deno.Kv | undefined): ObjectStore {
  if (where === "kv") {
    if (kv) return new KvObjectStore(kv);
    throw new RangeError(
      "Cannot use CIPHERLAYER_STORE: kv: Deno KV cannot be opened",
    );
  }
  const bucket = /^s3:\/\/([a-z0-9][a-z0-9.-]+)(?:\/(.+?))?\/?$/.exec(where);
  if (bucket) {
    return new S3ObjectStore({
      bucket: bucket[1],
      prefix: bucket[2],
      endpoint: Deno.env.get("AWS_ENDPOINT_URL_S3") ||
        Deno.env.get("AWS_ENDPOINT_URL") || undefined,
      region: Deno.env.get("AWS_REGION") || "us-east-1",
      accessKeyId: requireVariable("AWS_ACCESS_KEY_ID"),
      secretAccessKey: requireVariable("AWS_SECRET_ACCESS_KEY"),
      sessionToken: Deno.env.get("AWS_SESSION_TOKEN") || undefined,
    });
  }
  if (/^[a-z0-9]+:/i.test(where)) {
    throw new RangeError(
      "Cannot use CIPHERLAYER_STORE: expected kv, s3://bucket/prefix or a folder",
    );
  }
  return new FolderObjectStore(where.replace(/(?<=.)\/+$/, ""));
}

function requireVariable(name: string): string {
  const value = Deno.env.get(name);
  if (value) return value;
  throw new RangeError(`Cannot use CIPHERLAYER_STORE: ${name} is not set`);
}
