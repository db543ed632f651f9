import assert, { deepEqual, equal, rejects } from "node:assert/strict";
import { TimeSlices } from "../../../../functions/rounds/privacy/paced.ts";

/**
 * A clock that stands still but for computations, whose steps take 2.5 ms each, and for
 * waits, which last until the event or, in vain, as long as they may.
 */
function slices({ inVain = true } = {}) {
  let now = 0;
  const steps: string[] = [];
  const shared = new TimeSlices({
    clock: () => now,
    pause: () => Promise.resolve(),
    wait: (event, maxMs) => {
      steps.push("-");
      if (!inVain) return event;
      now += maxMs;
      return Promise.resolve();
    },
  });
  function* work(name: string, count: number): Generator<void, string> {
    for (let i = 0; i < count; i++) {
      now += 2.5;
      steps.push(name);
      yield;
    }
    return name;
  }
  return { shared, work, steps };
}

Deno.test("a short computation passes between the slices of a long one", async () => {
  const { shared, work, steps } = slices();
  const long = shared.run(work("long", 20), { usedMs: 0 });
  const short = shared.run(work("short", 4), { usedMs: 0 });
  equal(await short, "short");
  const two = (name: string) => [name, name];
  const expected = ["long", "short", "long", "short"].flatMap(two);
  deepEqual(steps.slice(0, 8), expected);
  equal(await long, "long");
});

Deno.test("what a call had before counts: its next computation does not begin anew", async () => {
  const { shared, work, steps } = slices();
  const heavy = shared.run(work("heavy", 6), { usedMs: 100 });
  const light = shared.run(work("light", 6), { usedMs: 0 });
  await light;
  deepEqual(steps.slice(0, 8).join(" "), "heavy heavy" + " light".repeat(6));
  await heavy;
});

Deno.test("callers have equal shares of a thread, however many calls they make", async () => {
  const { shared, work, steps } = slices();
  const greedy = { usedMs: 0 }, modest = { usedMs: 0 };
  const many = Array.from(
    { length: 16 },
    () => shared.run(work("g", 4), { usedMs: 0, caller: greedy }),
  );
  const one = shared.run(work("m", 6), { usedMs: 0, caller: modest });
  equal(await one, "m");
  deepEqual(steps.slice(0, 12).join(""), "ggmmggmmggmm");
  await Promise.all(many);
  equal(greedy.usedMs, 160);
});

Deno.test("among one caller's calls the one that has had the least goes on", async () => {
  const { shared, work, steps } = slices();
  const caller = { usedMs: 0 };
  const heavy = shared.run(work("h", 6), { usedMs: 100, caller });
  await shared.run(work("l", 4), { usedMs: 0, caller });
  deepEqual(steps.slice(0, 6).join(""), "hhllll");
  await heavy;
});

Deno.test("a long computation gets a slice at least every quarter of a second", async () => {
  const { shared, work, steps } = slices();
  const long = shared.run(work("long", 8), { usedMs: 10_000 });
  let isOver = false;
  void long.then(() => isOver = true);
  for (let i = 0; i < 1000 && !isOver; i++) {
    await shared.run(work("light", 1), { usedMs: 0 });
  }
  assert(isOver);
  const at = steps.flatMap((name, i) => name === "long" ? [i] : []);
  equal(at.length, 8);
  const gaps = at.slice(1).map((place, i) => place - at[i]);
  // A slice is two steps, and 250 ms are 100.
  deepEqual(gaps.filter((gap) => gap > 1).length, 3);
  equal(Math.max(...gaps) <= 102, true, `${gaps}`);
});

Deno.test("a computation whose client has gone ends, and others go on", async () => {
  const { shared, work } = slices();
  const client = new AbortController();
  const gone = shared.run(work("gone", 100), { usedMs: 0 }, client.signal);
  const other = shared.run(work("other", 100), { usedMs: 0 });
  client.abort(new Error("gone"));
  await rejects(gone, /gone/);
  equal(await other, "other");
});

Deno.test("a call that waits for something keeps the thread until it goes on", async () => {
  const { shared, work, steps } = slices({ inVain: false });
  const light = { usedMs: 0 }, heavy = { usedMs: 50 };
  const leave = shared.attend(light);
  const long = shared.run(work("h", 4), { usedMs: 0, caller: heavy });
  // As a call does that waits for a digest between two computations.
  for (let i = 0; i < 3; i++) {
    await new Promise((done) => setTimeout(done));
    await shared.run(work("l", 2), { usedMs: 0, caller: light });
  }
  await new Promise((done) => setTimeout(done));
  deepEqual(steps.join(""), "-ll-ll-ll-");
  leave();
  await long;
  deepEqual(steps.join(""), "-ll-ll-ll-hhhh");
});

Deno.test("the thread is kept for a slice at most, which counts, and again once the caller has computed", async () => {
  const { shared, work, steps } = slices();
  const light = { usedMs: 0 }, heavy = { usedMs: 50 };
  const leave = shared.attend(light);
  await shared.run(work("h", 4), { usedMs: 0, caller: heavy });
  deepEqual(steps.join(""), "-hhhh");
  equal(light.usedMs, 5);
  await shared.run(work("l", 1), { usedMs: 0, caller: light });
  await shared.run(work("h", 2), { usedMs: 0, caller: heavy });
  deepEqual(steps.join(""), "-hhhhl-hh");
  leave();
});

Deno.test("the thread is not kept for a caller that has had more, or computes in another call", async () => {
  const { shared, work, steps } = slices();
  const more = { usedMs: 100 }, less = { usedMs: 0 };
  const leave = [shared.attend(more), shared.attend(less)];
  await Promise.all([
    shared.run(work("a", 2), { usedMs: 0, caller: less }),
    shared.run(work("b", 2), { usedMs: 0, caller: less }),
  ]);
  deepEqual(steps.join(""), "aabb");
  for (const end of leave) end();
});
