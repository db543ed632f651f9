/** What the functions stand on fails for a while: declared faults, to be tried again. */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { createApp } from "../../../functions/app.ts";
import { whenUnlocked } from "../../../functions/stores/kv_lock.ts";
import { FolderModelStore } from "../../../functions/models/folder_models.ts";
import { writePackage } from "../../../models/package/read_package.ts";
import { MemoryModelStore } from "../../../functions/models/memory_models.ts";
import { sealingKey } from "../../support/cloud.ts";
import { tinyDense } from "../../reference/tiny_models.ts";

Deno.test("a database on a full disk is a retryable fault without details", async () => {
  using database = new DatabaseSync(":memory:");
  database.exec("CREATE TABLE t(x); PRAGMA max_page_count = 2");
  const write = () => {
    database.exec("INSERT INTO t VALUES (zeroblob(100000))");
    return Promise.resolve();
  };
  await rejects(whenUnlocked(write), {
    code: "server-fault",
    retryable: true,
    message: "Cannot use the database: its storage fails",
  });
  await rejects(
    whenUnlocked(() => {
      database.exec("INSERT INTO missing VALUES (1)");
      return Promise.resolve();
    }),
    /no such table/,
  );
});

Deno.test("a folder of models that is away for a while is a retryable fault, a model that it lacks is not", async () => {
  const folder = await Deno.makeTempDir();
  const model = tinyDense();
  const { name } = model.manifest;
  await writePackage(`${folder}/models/${name}`, model);
  const store = new FolderModelStore(`${folder}/models`);
  await Deno.rename(`${folder}/models`, `${folder}/away`);
  await rejects(store.load(name), { code: "server-fault", retryable: true });
  await Deno.rename(`${folder}/away`, `${folder}/models`);
  equal((await store.load(name)).manifest.name, name);
  await rejects(store.load("none"), {
    code: "model-not-found",
    retryable: false,
  });
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a request that ends in the middle of its body is refused, to be tried again", async () => {
  const app = createApp({
    models: new MemoryModelStore(),
    sealingKey,
    insecureKeys: true,
  });
  let pieces = 0;
  const body = new ReadableStream({
    pull(controller) {
      if (pieces++ < 2) controller.enqueue(new Uint8Array(10));
      else controller.error(new TypeError("connection reset"));
    },
  });
  const response = await app.request("/v1/sessions", {
    method: "POST",
    headers: { "content-type": "application/cbor" },
    body,
  });
  equal(response.status, 400);
  const { code, retryable } = await response.json();
  deepEqual({ code, retryable }, { code: "malformed", retryable: true });
});
