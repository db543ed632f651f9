/** Instances that share a database tell each other the time. */
import { deepEqual } from "node:assert/strict";
import { Heartbeat } from "../../../functions/stores/heartbeat.ts";

const apart = ["the clocks of instances differ by more than 30 s"];

Deno.test("instances whose clocks differ by more than 30 s are not ready", async () => {
  for (const [differenceMs, expected] of [[20e3, []], [40e3, apart]] as const) {
    for (const sign of [1, -1]) {
      using kv = await Deno.openKv(":memory:");
      let now = 1e12;
      const here = new Heartbeat(kv, "here", () => now);
      const there = new Heartbeat(kv, "there", () => now + sign * differenceMs);
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
