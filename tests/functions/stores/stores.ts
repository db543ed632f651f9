/** Every object store, each on what it is made for: a disk, a database, a bucket. */
import type { ObjectStore } from "../../../functions/stores/object_store.ts";
import { FolderObjectStore } from "../../../functions/stores/folder.ts";
import { KvObjectStore } from "../../../functions/stores/kv.ts";
import { S3ObjectStore } from "../../../functions/stores/s3.ts";
import { Settings } from "../../../functions/settings/settings.ts";
import { openState } from "../../../functions/settings/state.ts";
import {
  freshDatabase,
  hasPostgres,
  hasRedis,
} from "../../support/databases.ts";
import { bucket, credentials, region, startS3 } from "./s3_server.ts";

export interface OpenStore extends AsyncDisposable {
  store: ObjectStore;
  /** The same objects, as another process sees them. */
  again: ObjectStore;
}

/** Of a server, seen over two connections. */
async function onServer(kind: "redis" | "postgres"): Promise<OpenStore> {
  const settings = new Settings(
    { CIPHERLAYER_STATE: await freshDatabase(kind) },
    "deno",
  );
  const states = await Promise.all(
    [1, 2].map(() => openState(settings, { isListener: false })),
  );
  const [store, again] = states.map((state) => state!.objects!);
  return {
    store,
    again,
    async [Symbol.asyncDispose]() {
      for (const state of states) await state!.close();
    },
  };
}

for (
  const [name, isThere] of [["redis", hasRedis], ["postgres", hasPostgres]]
) {
  // Counted among the skipped tests.
  if (!isThere) Deno.test.ignore(`stores on ${name}`, () => {});
}

export const stores: Record<string, () => Promise<OpenStore>> = {
  ...hasRedis && { redis: () => onServer("redis") },
  ...hasPostgres && { postgres: () => onServer("postgres") },
  async folder() {
    const folder = await Deno.makeTempDir();
    return {
      store: new FolderObjectStore(`${folder}/models`),
      again: new FolderObjectStore(`${folder}/models`),
      [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
    };
  },
  async kv() {
    const folder = await Deno.makeTempDir();
    const kv = await Deno.openKv(`${folder}/kv`);
    const other = await Deno.openKv(`${folder}/kv`);
    return {
      store: new KvObjectStore(kv),
      again: new KvObjectStore(other),
      async [Symbol.asyncDispose]() {
        kv.close();
        other.close();
        await Deno.remove(folder, { recursive: true });
      },
    };
  },
  // deno-lint-ignore require-await
  async s3() {
    const server = startS3();
    const { endpoint } = server;
    const options = { ...credentials, region, bucket, endpoint, prefix: "a/b" };
    return {
      store: new S3ObjectStore(options),
      again: new S3ObjectStore(options),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
};
