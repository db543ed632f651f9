/** Every object store, each on what it is made for: a disk, a database, a bucket. */
import type { ObjectStore } from "../../../functions/stores/object_store.ts";
import { FolderObjectStore } from "../../../functions/stores/folder.ts";
import { KvObjectStore } from "../../../functions/stores/kv.ts";
import { S3ObjectStore } from "../../../functions/stores/s3.ts";
import { bucket, credentials, region, startS3 } from "./s3_server.ts";

export interface OpenStore extends AsyncDisposable {
  store: ObjectStore;
  /** The same objects, as another process sees them. */
  again: ObjectStore;
}

export const stores: Record<string, () => Promise<OpenStore>> = {
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
