/** Instances that share a database tell each other the time. */
import { deepEqual, equal, notEqual, rejects } from "node:assert/strict";
import { whenUnlocked } from "../../../functions/stores/kv_lock.ts";
import { damageOf, isCut } from "../../../functions/stores/kv_damage.ts";
import { Heartbeat } from "../../../functions/stores/heartbeat.ts";

const apart = ["the clocks of instances differ by more than 30 s"];

Deno.test("instances whose clocks differ by more than 30 s are not ready", async () => {
  for (const [differenceMs, expected] of [[20e3, []], [40e3, apart]] as const) {
    for (const sign of [1, -1]) {
      using kv = await Deno.openKv(":memory:");
      let now = 1e12;
      const here = new Heartbeat(kv, { id: "here", clock: () => now });
      const there = new Heartbeat(kv, {
        id: "there",
        clock: () => now + sign * differenceMs,
      });
      for (let beats = 0; beats < 3; beats++) {
        await here.beat();
        await there.beat();
        now += 1000;
      }
      deepEqual(await here.ready(), expected);
      deepEqual(await there.ready(), expected);
      // One that has ended keeps nobody out.
      await here.beat();
      await here.beat();
      deepEqual(await here.ready(), []);
    }
  }
});

Deno.test("an instance whose database fails is not ready", async () => {
  const kv = await Deno.openKv(":memory:");
  const heartbeat = new Heartbeat(kv);
  await heartbeat.beat();
  deepEqual(await heartbeat.ready(), []);
  kv.close();
  await heartbeat.beat();
  deepEqual(await heartbeat.ready(), ["the database cannot be used"]);
});

Deno.test("an instance that has ended is forgotten after an hour, by nobody's clock but the onlooker's", async () => {
  using kv = await Deno.openKv(":memory:");
  let now = 1e12;
  await new Heartbeat(kv, { id: "gone", clock: () => now - 1e9 }).beat();
  const here = new Heartbeat(kv, { id: "here", clock: () => now });
  const known = async () => {
    await here.beat();
    const keys: unknown[] = [];
    for await (const { key } of kv.list({ prefix: ["cipherlayer"] })) {
      keys.push(key.at(-1));
    }
    return keys;
  };
  deepEqual(await known(), ["gone", "here"]);
  now += 60 * 60_000;
  deepEqual(await known(), ["gone", "here"]);
  now += 1;
  await known();
  deepEqual(await known(), ["here"]);
});

Deno.test("a database that has lost its end is closed, though all that is asked for is in memory", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/kv.sqlite3`;
  const kv = await Deno.openKv(path);
  for (let i = 0; i < 150; i++) {
    await kv.set(["filler", i], new Uint8Array(60_000));
  }
  const heartbeat = new Heartbeat(kv, { isCut: () => isCut(path) });
  await heartbeat.beat();
  deepEqual(await heartbeat.ready(), []);
  await Deno.truncate(path, (await Deno.stat(path)).size - 1);
  await heartbeat.beat();
  deepEqual(await heartbeat.ready(), ["the database cannot be used"]);
  await rejects(kv.get(["filler"]), Deno.errors.BadResource);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a database with damage inside is seen before it is opened", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/kv.sqlite3`;
  equal(damageOf(path), null);
  {
    using kv = await Deno.openKv(path);
    for (let i = 0; i < 200; i++) await kv.set(["filler", i], "x".repeat(500));
    equal(damageOf(path), null);
  }
  equal(damageOf(path), null);
  {
    using file = await Deno.open(path, { write: true });
    await file.seek(3 * 4096, Deno.SeekMode.Start);
    await file.write(new Uint8Array(8 * 4096).fill(7));
  }
  equal(isCut(path), false);
  notEqual(damageOf(path), null);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a database that is damaged while it is open is closed, since Deno would end the process", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/kv.sqlite3`;
  const kv = await Deno.openKv(path);
  // Enough that the file itself is written, and not its log alone.
  for (let i = 0; i < 150; i++) {
    await kv.set(["filler", i], new Uint8Array(60_000));
  }
  const heartbeat = new Heartbeat(kv);
  await heartbeat.beat();
  deepEqual(await heartbeat.ready(), []);
  using file = await Deno.open(path, { write: true });
  await file.write(new Uint8Array(65536).fill(7));
  await file.truncate(65536);
  await heartbeat.beat();
  deepEqual(await heartbeat.ready(), ["the database cannot be used"]);
  await rejects(kv.get(["filler"]), Deno.errors.BadResource);
  await rejects(whenUnlocked(() => kv.get(["filler"])), {
    code: "server-fault",
    retryable: true,
  });
  await Deno.remove(folder, { recursive: true });
});
