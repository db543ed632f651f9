/** What a cloud measures of a gateway's work where requests keep a pace. */
import { deepEqual, equal, notDeepEqual, rejects } from "node:assert/strict";
import type { Clock } from "../../../sdk/support/clock.ts";
import { expired, startCloud } from "../../support/cloud.ts";
import { model, open, reading } from "../../support/tiny_session.ts";

/** A clock that goes on by waits and by what a test adds. */
class TestClock implements Clock {
  time = 1000;

  now(): number {
    return this.time;
  }

  wait(delayMs: number): Promise<void> {
    this.time += delayMs;
    return Promise.resolve();
  }
}

interface Course {
  /** The first round of the second inference finds its session ended. */
  isRenewed?: boolean;
  /** A session's reply takes this long. */
  sessionMs?: number;
}

/** Pauses before each round's request of two inferences, the decryption of which takes `workMs` by turns. */
async function pausesOf(
  workMs: number[],
  paceMs?: number,
  { isRenewed = false, sessionMs = 0 }: Course = {},
): Promise<number[]> {
  const clock = new TestClock();
  const pauses: number[] = [];
  let answeredAt = 0;
  let rounds = 0;
  await using cloud = startCloud([model], {
    intercept: ({ url }) => {
      if (url.endsWith("/sessions")) clock.time += sessionMs;
      const isEnded = isRenewed && url.includes("/rounds/") &&
        rounds++ === model.manifest.rounds.length;
      if (isEnded) return expired();
    },
  });
  await using session = await open(cloud.url, {
    clock,
    paceMs,
    fetch: async (target, init) => {
      if (`${target}`.includes("/rounds/")) {
        pauses.push(clock.time - answeredAt);
      }
      const response = await fetch(target, init);
      const body = await response.bytes();
      answeredAt = clock.time;
      return new Response(body, response);
    },
  });
  let decryption = 0;
  session.addEventListener("state", ({ detail }) => {
    if (detail.state === "decrypting") {
      clock.time += workMs[decryption++ % workMs.length];
    }
  });
  await session.infer(reading);
  await session.infer(reading);
  return pauses;
}

Deno.test("pauses before requests are the pace, whatever the work takes", async () => {
  const light = [1, 2, 3], heavy = [90, 5, 70];
  notDeepEqual(await pausesOf(light), await pausesOf(heavy));
  const paced = await pausesOf(light, 100);
  deepEqual(paced, Array(paced.length).fill(100));
  deepEqual(await pausesOf(heavy, 100), paced);
});

Deno.test("after a session's reply the pause is the pace, however long it took", async () => {
  for (const sessionMs of [0, 30, 60, 950]) {
    const course = { isRenewed: true, sessionMs };
    const pauses = await pausesOf([1], 100, course);
    deepEqual(pauses, Array(2 * model.manifest.rounds.length + 1).fill(100));
  }
});

Deno.test("work longer than the pace is released a whole number of paces later", async () => {
  const pauses = await pausesOf([250], 100);
  deepEqual(new Set(pauses), new Set([100, 300]));
  equal(pauses.filter((ms) => ms === 100).length, 1, "the first request alone");
});

Deno.test("refuses a pace that is no time", async () => {
  for (const paceMs of [-1, NaN, Infinity]) {
    await rejects(open("http://127.0.0.1:9", { paceMs }), {
      name: "RangeError",
      message: /paceMs from 0 to 60,000/,
    });
  }
});
