/**
 * The stores of models that the settings name.
 *
 * @module
 */
import process from "node:process";
import type { AppOptions } from "../app.ts";
import { LayeredModels } from "../models/layered_models.ts";
import type { ObjectStore } from "../stores/object_store.ts";
import { S3ObjectStore } from "../stores/s3.ts";
import { Deployments } from "../models/deployments.ts";
import { OwnerKeys } from "../models/owner_keys.ts";
import { folderModels } from "./model_folder.ts";
import type { Settings } from "./settings.ts";

/** Stores of a process, beside buckets. */
export interface ObjectPlaces {
  /** Of the shared state, where it is a place for models. */
  shared?: ObjectStore;
  /** A folder, where the runtime can lock files. */
  openFolder?: (path: string) => ObjectStore;
}

/**
 * The models that are named: packages in the folder `CIPHERLAYER_MODELS`,
 * and those that owners upload to `CIPHERLAYER_STORE`, which hide packages of the
 * same name. Neither: the zoo.
 *
 * @throws {RangeError} if a setting has another form, or a store has no owners
 */
export function modelsFrom(
  settings: Settings,
  places: ObjectPlaces,
): Pick<AppOptions, "models" | "deployments"> {
  const where = settings.text("CIPHERLAYER_STORE");
  if (!where) return { models: folderModels(settings) };
  const keys = settings.list("CIPHERLAYER_OWNER_KEYS");
  if (keys.length === 0) {
    throw new RangeError(
      "Cannot use CIPHERLAYER_STORE: expected the public keys of the models' owners in CIPHERLAYER_OWNER_KEYS (cipherlayer owner-key create)",
    );
  }
  const deployments = new Deployments({
    store: objectStore(where, places),
    ownerKeys: new OwnerKeys(keys),
  });
  return {
    models: settings.text("CIPHERLAYER_MODELS")
      ? new LayeredModels(deployments.models, folderModels(settings))
      : deployments.models,
    deployments,
  };
}

/** `state`, `s3://bucket/prefix` or a folder; one letter before a colon is a drive. */
function objectStore(
  where: string,
  { shared, openFolder }: ObjectPlaces,
): ObjectStore {
  if (where === "state") {
    if (shared) return shared;
    throw new RangeError(
      "Cannot use CIPHERLAYER_STORE: state: expected a database in CIPHERLAYER_STATE",
    );
  }
  const bucket = /^s3:\/\/([a-z0-9][a-z0-9.-]+)(?:\/(.+?))?\/?$/.exec(where);
  if (bucket) {
    return new S3ObjectStore({
      bucket: bucket[1],
      prefix: bucket[2],
      endpoint: process.env.AWS_ENDPOINT_URL_S3 ||
        process.env.AWS_ENDPOINT_URL || undefined,
      region: process.env.AWS_REGION || "us-east-1",
      accessKeyId: requireVariable("AWS_ACCESS_KEY_ID"),
      secretAccessKey: requireVariable("AWS_SECRET_ACCESS_KEY"),
      sessionToken: process.env.AWS_SESSION_TOKEN || undefined,
    });
  }
  if (/^[a-z0-9]{2,}:/i.test(where)) {
    throw new RangeError(
      "Cannot use CIPHERLAYER_STORE: expected state, s3://bucket/prefix or a folder",
    );
  }
  if (openFolder) return openFolder(where.replace(/(?<=.)\/+$/, ""));
  throw new RangeError(
    "Cannot use CIPHERLAYER_STORE: a folder of uploaded models needs Deno, which locks files; expected state or s3://bucket/prefix",
  );
}

function requireVariable(name: string): string {
  const value = process.env[name];
  if (value) return value;
  throw new RangeError(`Cannot use CIPHERLAYER_STORE: ${name} is not set`);
}
