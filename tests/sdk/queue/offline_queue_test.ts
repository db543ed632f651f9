import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { simulate } from "../../../models/simulate/simulate.ts";
import {
  type BlobStore,
  MemoryBlobStore,
} from "../../../sdk/blobs/blob_store.ts";
import { KvBlobStore } from "../../../sdk/blobs/blob_store_kv.ts";
import type { Clock } from "../../../sdk/support/clock.ts";
import { MemoryKeyStore, rotateKey } from "../../../sdk/keys/key_store.ts";
import { OfflineQueue } from "../../../sdk/queue/offline_queue.ts";
import type {
  OfflineQueueOptions,
  ProcessOptions,
  QueuedOutcome,
} from "../../../sdk/queue/queue_options.ts";
import { connect, type Session } from "../../../sdk/session/session.ts";
import { startCloud } from "../../support/cloud.ts";
import { randomReading, tinyDense } from "../../reference/tiny_models.ts";
import { testKey } from "../../vectors/keys.ts";

const model = tinyDense();
const [{ scale: [scale] }] = model.manifest.inputs;
const readings = [1, 2, 3, 4, 5].map((seed) =>
  Array.from(randomReading(model, seed), (integer) => integer * scale)
);
const expected = [1, 2, 3, 4, 5].map((seed) =>
  Array.from(simulate(model, randomReading(model, seed)).scores)
);
const keys = new MemoryKeyStore();
await keys.save(testKey(512));

function open(
  store: BlobStore,
  options: Partial<OfflineQueueOptions> = {},
): Promise<OfflineQueue> {
  return OfflineQueue.open({ store, keys, ...options });
}

async function all(
  queue: OfflineQueue,
  session: Session,
  options?: ProcessOptions,
): Promise<QueuedOutcome[]> {
  const outcomes: QueuedOutcome[] = [];
  for await (const outcome of queue.process(session, options)) {
    outcomes.push(outcome);
  }
  return outcomes;
}

function scoresOf(outcomes: QueuedOutcome[]) {
  return outcomes.map((outcome) =>
    outcome.answer ? outcome.answer.scores : outcome.refused
  );
}

Deno.test("answers readings in order, a session's samples at a time", async () => {
  await using cloud = startCloud([model]);
  const { url } = cloud;
  const queue = await open(new MemoryBlobStore());
  for (const reading of readings) await queue.add(reading);
  equal(queue.waiting, 5);
  await using session = await connect({
    url,
    model: model.manifest.name,
    keys,
    samples: 2,
  });
  const outcomes = await all(queue, session);
  deepEqual(outcomes.map(({ id }) => id), [0, 1, 2, 3, 4]);
  deepEqual(scoresOf(outcomes), expected);
  equal(queue.waiting, 0);
  const rounds = cloud.calls.filter((call) => call.includes("/rounds/0"));
  equal(rounds.length, 3);
});

Deno.test("a batch stays together: one outcome with all answers, one inference", async () => {
  await using cloud = startCloud([model]);
  const store = new MemoryBlobStore();
  const takenAt = new Date("2026-01-31T12:00:00Z");
  const before = await open(store);
  await before.add(readings[0]);
  await before.addBatch(readings.slice(1, 4), { takenAt, meta: { n: 3 } });
  await before.addBatch([readings[4], [0.1]]);
  await rejects(before.addBatch([]), /expected one or more/);
  await rejects(before.addBatch([readings[0], [null] as never]), TypeError);
  await before[Symbol.asyncDispose]();
  const queue = await open(store);
  equal(queue.waiting, 3);
  await using session = await connect({
    url: cloud.url,
    model: model.manifest.name,
    keys,
    samples: 3,
  });
  const [single, batch, refused] = await all(queue, session);
  deepEqual(single.answer?.scores, expected[0]);
  equal(single.answers, undefined);
  deepEqual([batch.id, batch.takenAt, batch.meta], [1, takenAt, { n: 3 }]);
  deepEqual(batch.answers?.map(({ scores }) => scores), expected.slice(1, 4));
  deepEqual(batch.answer, batch.answers?.at(-1));
  match(`${refused.refused}`, /^Cannot use reading: expected /);
  const rounds = cloud.calls.filter((call) => call.includes("/rounds/0"));
  equal(rounds.length, 2);
});

Deno.test("gives a refused reading an outcome and answers the others", async () => {
  await using cloud = startCloud([model]);
  const { url } = cloud;
  const queue = await open(new MemoryBlobStore());
  await queue.add(readings[0]);
  await queue.add([...readings[1].slice(1), 1e9]);
  await queue.add({ humidity: 20 });
  await queue.add(readings[2]);
  await using session = await connect({
    url,
    model: model.manifest.name,
    keys,
    samples: 4,
  });
  const [first, ...others] = scoresOf(await all(queue, session));
  deepEqual([first, others[2]], [expected[0], expected[2]]);
  match(`${others[0]}`, /at index 8, got 1000000000/);
  match(`${others[1]}`, /got a record; its elements have no names/);
});

Deno.test("refuses on queuing what is no number, by index or name; keeps lists and records", async () => {
  await using cloud = startCloud([model]);
  const { url } = cloud;
  const queue = await open(new MemoryBlobStore());
  for (const nothing of [null, "", true, undefined, NaN, [], new Date()]) {
    const spoiled = readings[0].with(5, nothing as number);
    await rejects(queue.add(spoiled), {
      name: "TypeError",
      message: /at index 5/,
    });
    const record = { lux: nothing as number };
    if (Array.isArray(nothing)) continue;
    await rejects(queue.add(record), {
      name: "TypeError",
      message: /at "lux"/,
    });
  }
  equal(queue.waiting, 0);
  const [{ name }] = model.manifest.inputs;
  await queue.add([Array.from(readings[0])]);
  await queue.add({ [name]: readings[0].map(Number) });
  await queue.add(Float64Array.from(readings[0]));
  await using session = await connect({
    url,
    model: model.manifest.name,
    keys,
  });
  const scores = scoresOf(await all(queue, session));
  deepEqual(scores, Array(3).fill(expected[0]));
});

Deno.test("keeps a reading that a changed contract refuses until the contract is accepted", async () => {
  await using cloud = startCloud([model]);
  // The same model, said to take smaller readings.
  const { inputs: [input] } = model.manifest;
  const narrow = {
    ...model,
    manifest: {
      ...model.manifest,
      inputs: [{ ...input, high: input.high - 1 }],
    },
  };
  await using other = startCloud([narrow]);
  const largest = readings[0].map(() => input.high * scale);
  const connectTo = ({ url }: { url: string }) =>
    connect({
      url,
      model: model.manifest.name,
      keys: testKey(512),
      samples: 2,
    });
  await using session = await connectTo(cloud);
  await using changed = await connectTo(other);

  const store = new MemoryBlobStore();
  const queue = await open(store);
  await queue.add(readings[0]);
  equal((await all(queue, session)).length, 1);
  await queue.add(readings[1]);
  await queue.add(largest);
  await queue.add(readings[2]);
  // A restart between makes no difference: the contract is on the disk.
  await queue[Symbol.asyncDispose]();
  const again = await open(store);
  const rounds = () => other.calls.filter((call) => call.includes("/rounds/"));
  await rejects(all(again, changed), {
    name: "CipherlayerError",
    code: "contract-changed",
    message: /expected contract sha256:.* of a model that refuses a reading/,
  });
  equal(again.waiting, 3);
  deepEqual(rounds(), []);
  const told = await all(again, changed, { contract: changed.contract });
  deepEqual(
    told.map(({ id, refused }) => [id, refused === undefined]),
    [[1, true], [2, false], [3, true]],
  );
  equal(again.waiting, 0);
});

Deno.test("a full queue refuses or drops the oldest, as configured", async () => {
  const refusing = await open(new MemoryBlobStore(), { capacity: 2 });
  deepEqual(await refusing.add(readings[0]), { id: 0, dropped: [] });
  await refusing.add(readings[1]);
  await rejects(refusing.add(readings[2]), { code: "queue-full" });
  equal(refusing.waiting, 2);

  await using cloud = startCloud([model]);
  const store = new MemoryBlobStore();
  const options = { capacity: 2, whenFull: "drop-oldest" } as const;
  const dropping = await open(store, options);
  await dropping.add(readings[0]);
  await dropping.add(readings[1]);
  deepEqual(await dropping.add(readings[2]), { id: 2, dropped: [0] });
  equal((await store.list()).length, 2);
  await using session = await connect({
    url: cloud.url,
    model: model.manifest.name,
    keys,
  });
  deepEqual(
    scoresOf(await all(await open(store, options), session)),
    [expected[1], expected[2]],
  );
  for (const capacity of [0, 1.5, Number.NaN]) {
    await rejects(open(store, { capacity }), RangeError);
  }
});

Deno.test("a reading under way is never dropped", async () => {
  const underWay = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  await using cloud = startCloud([model], {
    intercept: async (request) => {
      if (!request.url.includes("/rounds/0")) return undefined;
      underWay.resolve();
      await goOn.promise;
      return undefined;
    },
  });
  const queue = await open(new MemoryBlobStore(), {
    capacity: 1,
    whenFull: "drop-oldest",
  });
  await using session = await connect({
    url: cloud.url,
    model: model.manifest.name,
    keys,
  });
  await queue.add(readings[0]);
  const outcomes = all(queue, session);
  await underWay.promise;
  deepEqual(await queue.add(readings[1]), { id: 1, dropped: [] });
  deepEqual(await queue.add(readings[2]), { id: 2, dropped: [1] });
  goOn.resolve();
  deepEqual(scoresOf(await outcomes), [expected[0], expected[2]]);
});

for (
  const [name, makeStore] of [
    ["memory", () => Promise.resolve(new MemoryBlobStore())],
    ["Deno KV", async () => new KvBlobStore(await Deno.openKv(":memory:"))],
  ] as const
) {
  Deno.test({
    name:
      `what was not dealt with is given again, the same; numbers never come back (${name})`,
    sanitizeResources: false, // The database in memory ends with the process.
    async fn() {
      await using cloud = startCloud([model]);
      const store = await makeStore();
      await using session = await connect({
        url: cloud.url,
        model: model.manifest.name,
        keys,
      });
      const queue = await open(store);
      await queue.add(readings[0]);
      await queue.add(readings[1]);
      let given: QueuedOutcome | undefined;
      for await (const outcome of queue.process(session)) {
        given = outcome;
        break; // As if the process had ended here.
      }
      // The lock of a process that ended runs out (`kv_lock_test.ts`); this one is let go.
      await queue[Symbol.asyncDispose]();
      const calls = cloud.calls.length;
      const again = await open(store);
      equal(again.waiting, 1);
      const [first, second] = await all(again, session);
      deepEqual(first, given);
      deepEqual(scoresOf([first, second]), expected.slice(0, 2));
      // The first was not evaluated again.
      equal(
        cloud.calls.slice(calls).filter((call) => call.includes("/rounds/0"))
          .length,
        1,
      );
      await again[Symbol.asyncDispose]();
      await using third = await open(store);
      equal(third.waiting, 0);
      deepEqual(await all(third, session), []);
      deepEqual(await third.add(readings[2]), { id: 2, dropped: [] });
      deepEqual((await store.list()).sort(), ["2.queued", "contract"]);
    },
  });
}

Deno.test("answers readings after a rotation of the key that were queued before it", async () => {
  await using cloud = startCloud([model]);
  const rotating = new MemoryKeyStore();
  await rotating.save(testKey(512));
  const store = new MemoryBlobStore();
  await (await open(store, { keys: rotating })).add(readings[0]);
  await rotateKey(rotating, { insecure: true });
  const queue = await open(store, { keys: rotating });
  await queue.add(readings[1]);
  await using session = await connect({
    url: cloud.url,
    model: model.manifest.name,
    keys: rotating,
  });
  deepEqual(scoresOf(await all(queue, session)), expected.slice(0, 2));

  await queue.add(readings[2]);
  const [lost] = [await rotating.fingerprint()];
  await rotateKey(rotating, { insecure: true });
  await rotating.forget(lost!);
  await rejects(all(await open(store, { keys: rotating }), session), {
    code: "key-missing",
  });
  equal((await open(store, { keys: rotating })).waiting, 1);
});

Deno.test("queues nothing without a key", async () => {
  const queue = await open(new MemoryBlobStore(), {
    keys: new MemoryKeyStore(),
  });
  await rejects(queue.add(readings[0]), { code: "key-missing" });
  equal(queue.waiting, 0);
});

Deno.test("blobs show no reading, differ for the same one, and cannot be altered or trade places", async () => {
  const store = new MemoryBlobStore();
  const queue = await open(store);
  const reading = readings[0];
  await queue.add(reading);
  await queue.add(reading);
  await queue.add(readings[1]);
  const [one, two] = [
    (await store.read("0.queued"))!,
    (await store.read("1.queued"))!,
  ];
  const doubles = new Uint8Array(Float64Array.from(reading).buffer);
  const holds = (blob: Uint8Array, part: Uint8Array) =>
    Array.from(blob).join().includes(Array.from(part).join());
  ok(!holds(one, doubles.subarray(0, 16)));
  ok(!holds(one.subarray(33), two.subarray(33, 49)));
  // Behind the head of 41 bytes a nonce of 12 and what it encrypts.
  ok(!holds(one, two.subarray(41, 53)), "a nonce that served before");
  ok(!holds(one, two.subarray(53, 69)), "a key stream that served before");

  // 0 and 1 trade places, 2 is altered.
  await store.write("0.queued", two);
  await store.write("1.queued", one);
  const third = (await store.read("2.queued"))!;
  third[third.length - 1] ^= 1;
  await store.write("2.queued", third);
  await using cloud = startCloud([model]);
  await using session = await connect({
    url: cloud.url,
    model: model.manifest.name,
    keys,
  });
  const outcomes = await all(await open(store), session);
  deepEqual(outcomes.map(({ id }) => id), [0, 1, 2]);
  for (const outcome of scoresOf(outcomes)) match(`${outcome}`, /damaged/);
});

Deno.test("with follow, answers later readings when they come", async () => {
  await using cloud = startCloud([model]);
  const queue = await open(new MemoryBlobStore());
  await using session = await connect({
    url: cloud.url,
    model: model.manifest.name,
    keys,
  });
  const stop = new AbortController();
  const following = queue.process(session, {
    follow: true,
    signal: stop.signal,
  });
  const scores: unknown[] = [];
  for (const [i, reading] of readings.entries()) {
    const next = following.next();
    equal((await queue.add(reading)).id, i);
    scores.push(...scoresOf([(await next).value!]));
  }
  deepEqual(scores, expected);
  await rejects(all(queue, session), TypeError);
  const waiting = following.next();
  stop.abort(new Error("enough"));
  await rejects(waiting, /enough/);
});

Deno.test("keeps readings while the cloud is away; an endless policy waits for it", async () => {
  let cloud = startCloud([model]);
  const { port, url } = cloud;
  const back = Promise.withResolvers<void>();
  const clock: Clock = {
    now: () => performance.now(),
    wait: () => back.promise,
  };
  const queue = await open(new MemoryBlobStore());
  await using impatient = await connect({
    url,
    model: model.manifest.name,
    keys,
    retry: () => null,
  });
  await using patient = await connect({
    url,
    model: model.manifest.name,
    keys,
    clock,
    retry: () => 1,
  });
  await cloud.stop();
  for (const reading of readings) await queue.add(reading);
  await rejects(all(queue, impatient), { code: "network" });
  equal(queue.waiting, 5);
  patient.addEventListener("retry", () => {
    cloud = startCloud([model], { port });
    back.resolve();
  }, { once: true });
  deepEqual(scoresOf(await all(queue, patient)), expected);
  await cloud.stop();
});
