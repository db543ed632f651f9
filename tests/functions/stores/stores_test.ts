/** What every object store promises, the same for each. */
import assert from "node:assert/strict";
import { FolderObjectStore } from "../../../functions/stores/folder.ts";
import { KvObjectStore } from "../../../functions/stores/kv.ts";
import { S3ObjectStore } from "../../../functions/stores/s3.ts";
import { CipherlayerError } from "../../../sdk/support/errors.ts";
import { platformRandom } from "../../../sdk/support/random.ts";
import { bucket, credentials, region, startS3 } from "./s3_server.ts";
import { stores } from "./stores.ts";

const text = (content: string) => new TextEncoder().encode(content);

for (const [name, open] of Object.entries(stores)) {
  Deno.test(`${name}: objects of all sizes come back, listed by prefix, until removed`, async () => {
    await using opened = await open();
    const { store, again } = opened;
    assert.equal(await store.get("models/none"), null);
    assert.deepEqual(await store.list("models/"), new Map());
    const sizes = [0, 1, 61_440, 61_441, 700_000, 2 ** 20];
    const contents = new Map(
      sizes.map((size) => [`chunks/lenet-5.1/${size}`, platformRandom(size)]),
    );
    for (const [key, bytes] of contents) {
      assert.equal(await store.put(key, bytes), true);
    }
    await store.put("chunks/lenet-5.10/1", text("another model"));
    for (const [key, bytes] of contents) {
      assert.deepEqual((await again.get(key))?.bytes, bytes);
    }
    assert.deepEqual(
      [...await again.list("chunks/lenet-5.1/")].sort(),
      sizes.map((size) => [`chunks/lenet-5.1/${size}`, size]).sort(),
    );
    assert.equal((await again.list("chunks/")).size, sizes.length + 1);
    await store.delete("chunks/lenet-5.1/700000");
    await store.delete("chunks/lenet-5.1/700000");
    assert.equal(await again.get("chunks/lenet-5.1/700000"), null);
    assert.equal((await again.list("chunks/lenet-5.1/")).size, 5);
  });

  Deno.test(`${name}: what is replaced is gone, large or small`, async () => {
    await using opened = await open();
    const { store, again } = opened;
    for (const size of [200_000, 3, 150_000, 150_001]) {
      const bytes = platformRandom(size);
      await store.put("a", bytes);
      assert.deepEqual((await again.get("a"))?.bytes, bytes);
    }
  });

  Deno.test(`${name}: a condition that does not hold changes nothing`, async () => {
    await using opened = await open();
    const { store, again } = opened;
    assert.equal(await store.put("a", text("1"), "no such tag"), false);
    assert.equal(await store.get("a"), null);
    assert.equal(await store.put("a", text("1"), null), true);
    assert.equal(await again.put("a", text("2"), null), false);
    const { tag } = (await again.get("a"))!;
    assert.equal(await again.put("a", text("3"), tag), true);
    assert.equal(await store.put("a", text("4"), tag), false);
    assert.deepEqual((await store.get("a"))?.bytes, text("3"));
    await store.delete("a");
    assert.equal(await store.put("a", text("5"), tag), false);
  });

  Deno.test(`${name}: of writers at once, each condition lets one through`, async () => {
    await using opened = await open();
    const stores = [opened.store, opened.again];
    // A count that is read, raised and written back, with no lock around it.
    const raise = async (writer: number) => {
      const store = stores[writer % 2];
      for (;;) {
        const before = await store.get("count");
        const count = before ? new TextDecoder().decode(before.bytes) : "0";
        const raised = text(`${Number(count) + 1}`);
        if (await store.put("count", raised, before?.tag ?? null)) return;
      }
    };
    await Promise.all(Array.from({ length: 12 }, (_, i) => raise(i)));
    assert.deepEqual((await opened.store.get("count"))?.bytes, text("12"));
  });

  Deno.test(`${name}: keys that could lead elsewhere are refused`, async () => {
    await using opened = await open();
    for (const key of ["", "../a", "a//b", "/a", "a/", "a b", "a/.b", "a&b"]) {
      await assert.rejects(opened.store.get(key), RangeError);
      await assert.rejects(opened.store.put(key, text("1")), RangeError);
      await assert.rejects(opened.store.delete(key), RangeError);
    }
  });
}

Deno.test("folder: a write that fails leaves the old object and nothing beside it", async () => {
  const folder = await Deno.makeTempDir();
  const store = new FolderObjectStore(folder);
  await store.put("a/b", text("old"));
  // A folder in the object's place cannot be replaced by a file.
  await Deno.mkdir(`${folder}/a/c/d`, { recursive: true });
  await assert.rejects(store.put("a/c", text("new")));
  assert.deepEqual(await store.list("a/"), new Map([["a/b", 3]]));
  const names = Array.from(Deno.readDirSync(`${folder}/a`), ({ name }) => name);
  assert.deepEqual(names.sort(), ["b", "c"]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("kv: an object whose pieces are gone counts as none, and can be written again", async () => {
  const kv = await Deno.openKv(":memory:");
  const store = new KvObjectStore(kv);
  const bytes = platformRandom(100_000);
  await store.put("a", bytes);
  for await (const { key } of kv.list({ prefix: ["cipherlayer", "pieces"] })) {
    await kv.delete(key);
    break;
  }
  assert.equal(await store.get("a"), null);
  await store.put("a", bytes);
  assert.deepEqual((await store.get("a"))?.bytes, bytes);
  await store.delete("a");
  const left = await Array.fromAsync(kv.list({ prefix: [] }));
  assert.deepEqual(left, []);
  kv.close();
});

Deno.test("s3: a wrong secret, a full bucket and an absent server each say so, without the secret", async () => {
  await using server = startS3();
  const options = {
    ...credentials,
    region,
    bucket,
    endpoint: server.endpoint,
  };
  const refused = async (call: Promise<unknown>, message: RegExp) => {
    await assert.rejects(call, (error) => {
      assert(error instanceof CipherlayerError, `${error}`);
      assert.match(error.message, message);
      assert(!Deno.inspect(error).includes(credentials.secretAccessKey));
      return error.code === "server-fault" && error.retryable;
    });
  };
  const secretAccessKey = credentials.secretAccessKey.toLowerCase();
  await refused(
    new S3ObjectStore({ ...options, secretAccessKey }).put("a", text("1")),
    /^Cannot use the model store: cannot write a: status 403 SignatureDoesNotMatch$/,
  );
  const store = new S3ObjectStore(options);
  await store.put("a", text("1"));
  server.full = true;
  await refused(store.put("a", text("2")), /status 507 InsufficientStorage$/);
  await refused(store.put("b", text("2"), null), /status 507 Insufficient/);
  server.full = false;
  server.unconditional = true;
  await refused(
    store.put("b", text("2"), null),
    /cannot use it: the service ignores conditions of writes \(If-None-Match\)$/,
  );
  assert.equal(await store.get("b"), null);
  assert.deepEqual((await store.get("a"))?.bytes, text("1"));
  await refused(
    new S3ObjectStore({ ...options, bucket: "others" }).list("a/"),
    /cannot list a\/: status 404 NoSuchBucket$/,
  );
  await refused(
    new S3ObjectStore({ ...options, endpoint: "http://127.0.0.1:9" }).get("a"),
    /cannot reach it/,
  );
});

Deno.test("files that a crash left half-written are removed after an hour, the lock and new ones are not", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(`${folder}/models/a`, { recursive: true });
  const old = new Date(Date.now() - 61 * 60_000);
  const place = async (name: string, at: Date) => {
    await Deno.writeTextFile(`${folder}/${name}`, "half");
    await Deno.utime(`${folder}/${name}`, at, at);
  };
  await place("models/a/x.0123~", old);
  await place("models/a/y.4567~", new Date());
  await place("lock~", old);
  await place("models/a/kept", old);
  await new FolderObjectStore(folder).put("models/b", Uint8Array.of(1));
  const names = await Array.fromAsync(
    Deno.readDir(`${folder}/models/a`),
    ({ name }) => name,
  );
  assert.deepEqual(names.sort(), ["kept", "y.4567~"]);
  await Deno.stat(`${folder}/lock~`);
  await Deno.remove(folder, { recursive: true });
});
