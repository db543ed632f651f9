import assert from "node:assert/strict";
import fc from "fast-check";
import { Gate, type Place } from "../../../functions/admission/gate.ts";
import { remoteAddress } from "../../../functions/admission/address.ts";
import { maxShards } from "../../../sdk/wire/limits.ts";
import { CipherlayerError } from "../../../sdk/support/errors.ts";

/** Lets everything that can happen by itself happen. */
const settle = () => new Promise((done) => setTimeout(done, 0));

/** No light call: it needs one of the turns for calls of any weight. */
const heavy = { predictedMs: 1000, shards: 1 };

interface Call {
  place: Place;
  client: AbortController;
  state: "in" | "waiting" | "running" | "gone";
}

type Step = { what: "admit" | "turn" | "leave" | "abort"; which: number };

const steps = fc.array(
  fc.record({
    what: fc.constantFrom<Step["what"]>("admit", "turn", "leave", "abort"),
    which: fc.nat(20),
  }),
  { maxLength: 60 },
);

Deno.test("bounds hold, turns follow the order of requests and no call is lost", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 3 }),
      fc.nat(4),
      steps,
      async (running, waiting, steps) => {
        const gate = new Gate({ running, waiting });
        const calls: Call[] = [];
        const queue: Call[] = [];
        const alive = () => calls.filter(({ state }) => state !== "gone");
        for (const { what, which } of steps) {
          const call = calls[which % Math.max(1, calls.length)];
          if (what === "admit") {
            const full = alive().length === running + waiting;
            try {
              const place = gate.admit({ caller: "a", startsSession: false });
              calls.push({ place, client: new AbortController(), state: "in" });
              assert(!full);
            } catch (error) {
              assert.equal((error as CipherlayerError).code, "overloaded");
              assert(full);
            }
          } else if (what === "turn" && call?.state === "in") {
            call.state = "waiting";
            queue.push(call);
            call.place.turn(call.client.signal, heavy).then(
              () => {
                assert.equal(queue.shift(), call);
                call.state = "running";
              },
              () => {
                queue.splice(queue.indexOf(call), 1);
                call.state = "gone";
                call.place.leave();
              },
            );
          } else if (what === "leave" && call?.state === "running") {
            call.state = "gone";
            call.place.leave();
            // A second time changes nothing.
            call.place.leave();
          } else if (what === "abort") call?.client.abort();
          await settle();
          const count = (state: Call["state"]) =>
            calls.filter((call) => call.state === state).length;
          assert.equal(gate.running, count("running"));
          assert.equal(gate.waiting, count("in") + count("waiting"));
          assert(gate.running <= running);
          // A turn is never left unused.
          if (count("waiting") > 0) assert.equal(count("running"), running);
        }
        for (const { place } of alive()) place.leave();
      },
    ),
    { numRuns: 150 },
  );
});

function refusal(ask: () => unknown): CipherlayerError {
  try {
    ask();
  } catch (error) {
    assert(error instanceof CipherlayerError);
    assert(error.retryable && error.retryAfterMs > 0);
    return error;
  }
  throw new Error("expected a refusal");
}

Deno.test("Retry-After follows from the calls under way and how long calls take", async () => {
  let now = 0;
  const gate = new Gate({ running: 2, waiting: 8 }, () => now);
  const arrival = { caller: "a", startsSession: false };
  const { signal } = new AbortController();
  for (let i = 0; i < 200; i++) {
    const place = gate.admit(arrival);
    await place.turn(signal, heavy);
    now += 3000;
    place.leave();
  }
  const places = Array.from({ length: 10 }, () => gate.admit(arrival));
  const { code, retryAfterMs } = refusal(() => gate.admit(arrival));
  // Ten calls of 3 s, two at once.
  assert.deepEqual([code, Math.round(retryAfterMs)], ["overloaded", 15_000]);
  for (const place of places) place.leave();
  gate.admit(arrival);
});

Deno.test("new sessions are turned away before calls of inferences under way", () => {
  const gate = new Gate({ running: 2, waiting: 8 });
  const session = { caller: "a", startsSession: true };
  const round = { caller: "a", startsSession: false };
  for (let i = 0; i < 5; i++) gate.admit(session);
  assert.equal(refusal(() => gate.admit(session)).code, "overloaded");
  for (let i = 0; i < 5; i++) gate.admit(round);
  assert.equal(refusal(() => gate.admit(round)).code, "overloaded");
});

Deno.test("by default one caller has room for all parts of a round, and never all places", () => {
  const { perCaller, running, waiting } = new Gate().limits;
  assert(perCaller >= maxShards);
  assert(2 * perCaller <= running + waiting);
});

Deno.test("a caller with too many calls at once stops no other", () => {
  const gate = new Gate({ perCaller: 2 });
  const by = (caller: string) => gate.admit({ caller, startsSession: false });
  const first = by("a");
  by("a");
  assert.equal(refusal(() => by("a")).code, "rate-limited");
  by("b");
  first.leave();
  by("a");
});

Deno.test("bounds the memory for bodies, and accepts one alone", () => {
  const gate = new Gate({ bodyBytes: 100 });
  const [a, b, c] = ["a", "b", "b"].map((caller) =>
    gate.receive({ caller, startsSession: false })
  );
  a.hold(120);
  assert.equal(refusal(() => b.hold(1)).code, "overloaded");
  a.leave();
  assert.equal(gate.bodyBytes, 0);
  b.hold(60);
  b.hold(60);
  assert.equal(gate.bodyBytes, 120);
  b.leave();
  c.leave();
  assert.equal(gate.bodyBytes, 0);
});

Deno.test("a caller has half of the memory for bodies", () => {
  const gate = new Gate({ bodyBytes: 100 });
  const [a, b, other] = ["a", "a", "b"].map((caller) =>
    gate.receive({ caller, startsSession: false })
  );
  a.hold(40);
  b.hold(10);
  assert.equal(refusal(() => b.hold(1)).code, "rate-limited");
  other.hold(50);
  for (const call of [a, b, other]) call.leave();
  assert.equal(gate.bodyBytes, 0);
});

Deno.test("while stopping, calls under way go on and new ones are refused", async () => {
  const gate = new Gate({ running: 1 });
  const arrival = { caller: "a", startsSession: false };
  const [first, second] = [gate.admit(arrival), gate.admit(arrival)];
  const { signal } = new AbortController();
  await first.turn(signal, heavy);
  const turn = second.turn(signal, heavy);
  gate.drain();
  assert.equal(gate.draining, true);
  assert.equal(refusal(() => gate.admit(arrival)).code, "overloaded");
  first.leave();
  await turn;
  second.leave();
  assert.deepEqual([gate.running, gate.waiting], [0, 0]);
});

Deno.test("counts IPv6 addresses by their network", () => {
  const of = (hostname: unknown) => remoteAddress({ remoteAddr: { hostname } });
  assert.equal(of("192.0.2.7"), "192.0.2.7");
  assert.equal(of("::ffff:192.0.2.7"), "192.0.2.7");
  assert.equal(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  assert.equal(of("2001:db8:1:2::6"), "2001:db8:1:2::/64");
  assert.equal(of("2001:db8::6"), "2001:db8:0:0::/64");
  assert.equal(of("::1"), "0:0:0:0::/64");
  for (const host of [undefined, {}, { remoteAddr: {} }]) {
    assert.equal(remoteAddress(host), undefined);
  }
});

Deno.test("a call whose answer is being read gives its turn to another and keeps its place", async () => {
  const gate = new Gate({ running: 1, waiting: 1 });
  const arrival = { caller: "a", startsSession: false };
  const { signal } = new AbortController();
  const first = gate.admit(arrival), second = gate.admit(arrival);
  await first.turn(signal, heavy);
  const turn = second.turn(signal, heavy);
  first.endTurn();
  first.endTurn();
  await turn;
  assert.deepEqual([gate.running, gate.waiting], [1, 0]);
  assert.throws(() => gate.admit(arrival), { code: "overloaded" });
  first.leave();
  first.leave();
  const third = gate.admit(arrival);
  assert.deepEqual([gate.running, gate.waiting], [1, 1]);
  second.leave();
  third.leave();
  assert.deepEqual([gate.running, gate.waiting], [0, 0]);
});

Deno.test("a caller that comes back has a claim on what others had meanwhile, a new one has none", () => {
  const gate = new Gate();
  const receive = (caller: string) =>
    gate.receive({ caller, startsSession: false });
  const back = receive("back"), heavy = receive("heavy");
  heavy.caller.usedMs = 100;
  back.caller.usedMs = 40;
  back.leave();
  heavy.caller.usedMs = 200;
  let again = receive("back");
  assert.equal(again.caller.usedMs, 40);
  again.leave();
  // It grows no further than a quarter of a second.
  heavy.caller.usedMs = 1000;
  again = receive("back");
  assert.equal(again.caller.usedMs, 750);
  assert.equal(receive("new").caller.usedMs, 1000);
  again.leave();
});

Deno.test("shares go on where the last caller left them", () => {
  const gate = new Gate();
  const receive = (caller: string) =>
    gate.receive({ caller, startsSession: false });
  const alone = receive("alone");
  alone.caller.usedMs = 5000;
  alone.leave();
  assert.equal(receive("new").caller.usedMs, 5000);
  assert.equal(receive("alone").caller.usedMs, 5000);
});
