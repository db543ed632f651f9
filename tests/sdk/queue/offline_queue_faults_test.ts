/** What disks and other processes do to a queue, and that it goes on. */
import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { MemoryBlobStore } from "../../../sdk/blobs/blob_store.ts";
import { FileBlobStore } from "../../../sdk/blobs/blob_store_file.ts";
import { MemoryKeyStore } from "../../../sdk/keys/key_store.ts";
import { OfflineQueue } from "../../../sdk/queue/offline_queue.ts";
import { connect } from "../../../sdk/session/session.ts";
import { startCloud } from "../../support/cloud.ts";
import { tinyDense } from "../../reference/tiny_models.ts";
import { testKey } from "../../vectors/keys.ts";

const model = tinyDense();
const reading = Array.from({
  length: model.manifest.inputs[0].shape.reduce((a, b) => a * b),
}, () => 0);
const keys = new MemoryKeyStore();
await keys.save(testKey(512));

async function answered(queue: OfflineQueue) {
  await using cloud = startCloud([model]);
  await using session = await connect({
    url: cloud.url,
    model: model.manifest.name,
    keys,
  });
  return await Array.fromAsync(queue.process(session));
}

Deno.test("seals meta and time with a reading and returns them with its outcome", async () => {
  const store = new MemoryBlobStore();
  const queue = await OfflineQueue.open({ store, keys });
  const takenAt = new Date("2026-01-02T03:04:05Z");
  await queue.add(reading, { meta: { sensor: "hall-7" }, takenAt });
  const blob = new TextDecoder("latin1").decode(
    (await store.read("0.queued"))!,
  );
  equal(blob.includes("hall"), false);
  const [outcome] = await answered(await OfflineQueue.open({ store, keys }));
  deepEqual([outcome.meta, outcome.takenAt], [{ sensor: "hall-7" }, takenAt]);
});

Deno.test("refuses a value that is no number by its index", async () => {
  const queue = await OfflineQueue.open({ store: new MemoryBlobStore(), keys });
  for (const value of [null, "", true, []]) {
    await rejects(queue.add([0, value] as number[]), /number at index 1, got/);
  }
  equal(queue.waiting, 0);
});

Deno.test("turns a damaged byte into one refused outcome and answers the readings after it", async () => {
  const store = new MemoryBlobStore();
  const queue = await OfflineQueue.open({ store, keys, capacity: 200 });
  await queue.add(reading);
  const { length } = (await store.read("0.queued"))!;
  const damaged = [...Array.from({ length: 60 }, (_, at) => at), length - 1];
  for (const at of damaged) {
    const { id } = await queue.add(reading);
    const blob = (await store.read(`${id}.queued`))!;
    blob[at] ^= 2;
    await store.write(`${id}.queued`, blob);
  }
  const { id } = await queue.add(reading);
  await store.write(`${id}.queued`, new Uint8Array());
  await queue.add(reading);
  const again = await OfflineQueue.open({ store, keys, capacity: 200 });
  const outcomes = await answered(again);
  equal(outcomes.length, damaged.length + 3);
  for (const [i, { answer, refused }] of outcomes.entries()) {
    if (i === 0 || i === outcomes.length - 1) equal(answer !== undefined, true);
    else match(`${refused}`, /damaged/);
  }
});

Deno.test("skips a folder named like a blob, sweeps temporary files, admits one process", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/0.queued`);
    await Deno.writeTextFile(`${folder}/3.queued.0123456789ab.tmp`, "half");
    await Deno.writeTextFile(`${folder}/mine.tmp`, "mine");
    const open = () =>
      OfflineQueue.open({ store: new FileBlobStore(folder), keys });
    {
      await using queue = await open();
      deepEqual(await queue.add(reading), { id: 1, dropped: [] });
      await rejects(open(), { code: "queue-locked" });
      const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
      deepEqual(names.sort(), [".lock", "0.queued", "1.queued", "mine.tmp"]);
    }
    await using queue = await open();
    equal(queue.waiting, 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Holds so many blobs that are not empty; writing more fails as a full disk does. */
class SmallStore extends MemoryBlobStore {
  room = Infinity;

  override async write(name: string, bytes: Uint8Array<ArrayBuffer>) {
    const names = await this.list();
    if (names.length >= this.room) {
      throw Object.assign(new Error("no space left"), { code: "ENOSPC" });
    }
    await super.write(name, bytes);
  }
}

Deno.test("drops the oldest on a full disk and gives outcomes from memory", async () => {
  const store = new SmallStore();
  store.room = 3;
  const queue = await OfflineQueue.open({
    store,
    keys,
    whenFull: "drop-oldest",
  });
  for (let i = 0; i < 3; i++) await queue.add(reading);
  deepEqual(await queue.add(reading), { id: 3, dropped: [0] });
  equal(queue.waiting, 3);
  const refusing = await OfflineQueue.open({ store, keys });
  await rejects(refusing.add(reading), /no space left/);
  const outcomes = await answered(queue);
  deepEqual(
    outcomes.map(({ id, answer }) => [id, answer !== undefined]),
    [[1, true], [2, true], [3, true]],
  );
  equal(queue.waiting, 0);
  store.room = Infinity;
  equal((await queue.add(reading)).id, 4);
  deepEqual(await store.list(), ["4.queued"]);
});

Deno.test("removes a reading", async () => {
  const queue = await OfflineQueue.open({ store: new MemoryBlobStore(), keys });
  await queue.add(reading);
  await queue.add(reading);
  equal(await queue.remove(0), true);
  equal(await queue.remove(0), false);
  equal(queue.waiting, 1);
  deepEqual((await answered(queue)).map(({ id }) => id), [1]);
});

Deno.test("a queue of a million readings opens without reading them", async () => {
  let reads = 0;
  const names = Array.from({ length: 1_000_000 }, (_, id) => `${id}.queued`);
  class LongStore extends MemoryBlobStore {
    override read() {
      reads++;
      return Promise.resolve(Uint8Array.of(1, 0));
    }
    override list() {
      return Promise.resolve(names);
    }
  }
  const queue = await OfflineQueue.open({
    store: new LongStore(),
    keys,
    capacity: 2_000_000,
  });
  equal(queue.waiting, 1_000_000);
  equal((await queue.add(reading)).id, 1_000_000);
  equal(reads < 10, true);
});
