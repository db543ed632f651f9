import { deepEqual, equal, rejects } from "node:assert/strict";
import {
  type Caller,
  type Turn,
  Turns,
} from "../../../functions/admission/turns.ts";

/** Lets everything that can happen by itself happen. */
const settle = () => new Promise((done) => setTimeout(done, 0));
const { signal } = new AbortController();

const nobody = (): Caller => ({ servedMs: 0, usedMs: 0, lightTurns: 0 });

/** Calls by name, in the order in which they had their turns, which they keep. */
function calls(perKind: number) {
  const turns = new Turns(perKind);
  const order: string[] = [];
  const taken = new Map<string, Turn>();
  const ask = (
    name: string,
    caller: Caller,
    predictedMs: number,
    shards = 1,
  ) =>
    void turns.take(caller, { predictedMs, shards }, signal).then((turn) => {
      order.push(name);
      taken.set(name, turn);
    });
  const end = async (name: string) => {
    taken.get(name)!.end();
    await settle();
  };
  return { turns, order, ask, end };
}

Deno.test("light calls do not wait for heavy ones, whoever they are from", async () => {
  const { turns, order, ask, end } = calls(2);
  const caller = nobody();
  for (const name of ["h1", "h2", "h3"]) ask(name, caller, 2000, 2);
  for (const name of ["l1", "l2", "l3"]) ask(name, nobody(), 20);
  await settle();
  deepEqual(order, ["h1", "h2", "l1", "l2"]);
  equal(turns.running, 4);
  await end("l1");
  deepEqual(order.slice(4), ["l3"]);
  // Turns of light calls are not for heavy ones.
  await end("l2");
  await end("l3");
  equal(turns.running, 2);
  await end("h1");
  deepEqual(order.slice(5), ["h3"]);
});

Deno.test("first contacts leave three quarters of the turns to others", async () => {
  for (const [perKind, max] of [[1, 1], [2, 1], [4, 1], [8, 2]]) {
    const turns = new Turns(perKind);
    const order: string[] = [];
    const taken: Turn[] = [];
    const ask = (name: string, isFirstContact: boolean) =>
      void turns.take(
        nobody(),
        { predictedMs: 500, shards: 1, isFirstContact },
        signal,
      ).then((turn) => {
        order.push(name);
        taken.push(turn);
      });
    for (let i = 0; i < 8; i++) ask("first", true);
    await settle();
    deepEqual(order, Array(max).fill("first"));
    for (let i = 0; i < 8; i++) ask("heavy", false);
    await settle();
    deepEqual(order.slice(max), Array(perKind - max).fill("heavy"));
    taken[0].end();
    await settle();
    // Nothing is left unused: of callers that have had nothing the first is next.
    deepEqual(order.slice(perKind), ["first"]);
  }
});

Deno.test("a caller's light calls leave one of their turns to others", async () => {
  const { order, ask, end } = calls(2);
  const greedy = nobody();
  for (let i = 0; i < 16; i++) ask(`g${i}`, greedy, 20);
  await settle();
  deepEqual(order, ["g0", "g1", "g2"]);
  ask("modest", nobody(), 20);
  await settle();
  deepEqual(order, ["g0", "g1", "g2", "modest"]);
  await end("modest");
  equal(order.length, 4);
  for (const name of ["g0", "g1", "g2"]) await end(name);
  deepEqual(order.slice(4), ["g3", "g4", "g5"]);
});

Deno.test("a caller alone has the one light turn there is", async () => {
  const { order, ask } = calls(1);
  const caller = nobody();
  ask("l0", caller, 20);
  ask("l1", caller, 20);
  await settle();
  deepEqual(order, ["l0", "l1"]);
});

Deno.test("many parts make a heavy round no light one", async () => {
  const { order, ask } = calls(1);
  const caller = nobody();
  ask("part 0", caller, 2000, 64);
  ask("part 1", caller, 2000, 64);
  await settle();
  deepEqual(order, ["part 0"]);
});

Deno.test("callers have equal shares of the work, however many calls they make", async () => {
  const { order, ask, end } = calls(1);
  const greedy = nobody(), modest = nobody();
  for (let i = 0; i < 8; i++) ask(`g${i}`, greedy, 1000);
  for (let i = 0; i < 3; i++) ask(`m${i}`, modest, 2000);
  await settle();
  while (order.length < 9) await end(order.at(-1)!);
  deepEqual(order, ["g0", "m0", "g1", "g2", "m1", "g3", "g4", "m2", "g5"]);
});

Deno.test("a caller's lightest call is next, a heavy one no later than its share", async () => {
  const { order, ask, end } = calls(1);
  const caller = nobody();
  ask("first", caller, 500);
  await settle();
  ask("heavy", caller, 1000);
  for (let i = 0; i < 4; i++) {
    ask(`l${i}`, caller, 400);
    await end(order.at(-1)!);
  }
  deepEqual(order, ["first", "l0", "l1", "heavy", "l2"]);
});

Deno.test("a call that goes away while it waits takes no turn", async () => {
  const { turns, order, ask, end } = calls(1);
  const caller = nobody();
  ask("first", caller, 500);
  await settle();
  const client = new AbortController();
  const gone = turns.take(
    caller,
    { predictedMs: 500, shards: 1 },
    client.signal,
  );
  ask("last", caller, 500);
  client.abort(new Error("gone"));
  await rejects(gone, /gone/);
  await end("first");
  deepEqual(order, ["first", "last"]);
  equal(turns.running, 1);
});
