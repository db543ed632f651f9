/** The lock of a store in Deno KV. */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { KvBlobStore } from "../../../sdk/blobs/blob_store_kv.ts";
import { KvLock } from "../../../sdk/blobs/kv_lock.ts";
import { SealedKeyStore } from "../../../sdk/keys/key_store_sealed.ts";
import { MemoryKeyStore } from "../../../sdk/keys/key_store.ts";
import { OfflineQueue } from "../../../sdk/queue/offline_queue.ts";
import type { Clock } from "../../../sdk/support/clock.ts";
import { testKey } from "../../vectors/keys.ts";

const bytes = Uint8Array.of(1);

/** Time that passes only by waiting; `whileWaiting` happens in it. */
function clockOf(whileWaiting: () => Promise<void> = async () => {}) {
  let nowMs = 0;
  const clock: Clock = {
    now: () => nowMs,
    wait: async (delayMs) => {
      nowMs += delayMs;
      await whileWaiting();
    },
  };
  return clock;
}

async function withKv(use: (kv: Deno.Kv) => Promise<void>): Promise<void> {
  const kv = await Deno.openKv(":memory:");
  try {
    await use(kv);
  } finally {
    kv.close();
  }
}

Deno.test("a lock in Deno KV is refused while its holder lives, and free when it lets go", async () => {
  await withKv(async (kv) => {
    const holder = (await KvLock.take(kv, "queue", "", clockOf()))!;
    const clock = clockOf(() => holder.beat());
    const store = new KvBlobStore(kv, "queue", { clock });
    equal(await store.lock(), null);
    await holder.release();
    const unlock = await store.lock();
    await store.write("a", bytes);
    await unlock!();
    deepEqual(await store.list(), ["a"]);
  });
});

Deno.test("a lock in Deno KV whose holder ended is taken over after 20 seconds; its holder can write no more", async () => {
  await withKv(async (kv) => {
    const halted = new KvBlobStore(kv, "queue");
    const unlockHalted = await halted.lock();
    await halted.write("a", bytes);
    const clock = clockOf();
    const store = new KvBlobStore(kv, "queue", { clock });
    const unlock = await store.lock();
    equal(clock.now(), 20_000);
    await rejects(halted.write("a", Uint8Array.of(2)), {
      code: "queue-locked",
    });
    await rejects(halted.remove("a"), { code: "queue-locked" });
    await rejects(halted.create("b", bytes), { code: "queue-locked" });
    // Letting go of what another holds now leaves it held.
    await unlockHalted!();
    await store.write("a", Uint8Array.of(3));
    deepEqual(await store.read("a"), Uint8Array.of(3));
    await unlock!();
  });
});

Deno.test("a second queue in one Deno KV is refused, and loses no reading", async () => {
  await withKv(async (kv) => {
    const keys = new MemoryKeyStore();
    await keys.save(testKey(512));
    const store = new KvBlobStore(kv, "queue");
    const first = await OfflineQueue.open({ store, keys });
    // What another process does while the first one lives.
    const clock = clockOf(async () => {
      await kv.set(["queue beat", ""], 0);
    });
    const second = new KvBlobStore(kv, "queue", { clock });
    await rejects(OfflineQueue.open({ store: second, keys }), {
      code: "queue-locked",
      retryable: true,
    });
    deepEqual(
      [await first.add([1]), await first.add([2])].map(({ id }) => id),
      [0, 1],
    );
    await first[Symbol.asyncDispose]();
    await using reopened = await OfflineQueue.open({ store: second, keys });
    equal(reopened.waiting, 2);
  });
});

Deno.test("simultaneous saves in Deno KV retire every key and lose none", async () => {
  await withKv(async (kv) => {
    const keys = [testKey(512), testKey(1024), testKey(2048)];
    const stores = keys.map(() =>
      new SealedKeyStore(new KvBlobStore(kv), "a passphrase", { cost: 1 << 10 })
    );
    await Promise.all(keys.map((key, i) => stores[i].save(key)));
    const current = (await stores[0].fingerprint())!;
    deepEqual(
      [current, ...await stores[0].listRetired()].sort(),
      keys.map(({ publicKey }) => publicKey.fingerprint).sort(),
    );
  });
});
