/** How often callers may call, over HTTP, with a clock of the test's own. */
import assert, { equal } from "node:assert/strict";
import { KvBudgetStore } from "../../../functions/stores/kv_budget.ts";
import {
  type BudgetStore,
  MemoryBudgetStore,
} from "../../../functions/admission/budget.ts";
import {
  chargeWork,
  type RateLimits,
} from "../../../functions/admission/rates.ts";
import { SpentWindows } from "../../../functions/admission/spent_windows.ts";
import type { Access } from "../../../functions/access/principal.ts";
import { tinyDense } from "../../reference/tiny_models.ts";
import { serve, type Served } from "../../support/serve_with_access.ts";
import { type Functions, post } from "../../support/gateway.ts";

const minuteMs = 60_000;
const startMs = 1000 * minuteMs + 30_000;
const named: Access = {
  identify: ({ headers }) =>
    Promise.resolve({
      account: headers.get("x-account") ?? "none",
      roles: ["client"],
      models: "all",
    }),
};

/** `200`, or what a refusal says. Bodies are wrong: they are counted all the same. */
async function outcome(functions: Functions, path: string): Promise<string> {
  const response = await post(functions, path, Uint8Array.of(0));
  const { code, retryable } = await response.json();
  if (code === "malformed") return "taken";
  assert.deepEqual([response.status, retryable], [429, true]);
  return `${code} ${response.headers.get("retry-after")}`;
}

async function withServer(
  store: BudgetStore,
  limits: RateLimits,
  access: Access | undefined,
  test: (served: Served, clock: { now: number }) => Promise<void>,
): Promise<void> {
  const clock = { now: startMs };
  await using served = serve([tinyDense()], {
    access,
    rates: { store, limits },
    clock: () => clock.now,
  });
  await test(served, clock);
}

async function* stores(): AsyncGenerator<BudgetStore> {
  yield new MemoryBudgetStore();
  using kv = await Deno.openKv(":memory:");
  yield new KvBudgetStore(kv);
}

Deno.test("bounds sessions and calls of an account a minute", async () => {
  const limits = { sessionsPerMinute: 2, callsPerMinute: 4 };
  for await (const store of stores()) {
    await withServer(store, limits, named, async (served, clock) => {
      const [a, b] = ["a", "b"].map((account) =>
        served.as(null, { "x-account": account })
      );
      const session = "/v1/sessions", round = "/v1/rounds/0";
      assert.equal(await outcome(a, session), "taken");
      assert.equal(await outcome(a, session), "taken");
      assert.equal(await outcome(a, session), "rate-limited 30");
      assert.equal(await outcome(b, session), "taken");
      assert.equal(await outcome(a, round), "taken");
      assert.equal(await outcome(a, round), "taken");
      clock.now += 10_000;
      assert.equal(await outcome(a, round), "rate-limited 20");
      clock.now += 20_000;
      assert.equal(await outcome(a, round), "taken");
      assert.equal(await outcome(a, session), "taken");
    });
  }
});

Deno.test("a caller beyond its rate costs no look into the store until the minute ends", async () => {
  let looks = 0;
  const counts = new MemoryBudgetStore();
  const store = new SpentWindows({
    charge: (...call) => {
      looks++;
      return counts.charge(...call);
    },
  });
  const limits = { sessionsPerMinute: 2, callsPerMinute: 1000 };
  await withServer(store, limits, named, async (served, clock) => {
    const ask = () => outcome(served.as(null), "/v1/sessions");
    for (let i = 0; i < 3; i++) await ask();
    equal(looks, 3);
    clock.now += 10_000;
    for (let i = 0; i < 5; i++) equal(await ask(), "rate-limited 20");
    equal(looks, 3);
    clock.now += 20_000;
    equal(await ask(), "taken");
  });
});

Deno.test("a window that cannot take much may take little", async () => {
  const store = new SpentWindows(new MemoryBudgetStore());
  const charges = [{ window: "w", limit: 10, endsAt: 1000, keepMs: 0 }];
  equal(await store.charge(charges, 8, 0), null);
  equal(await store.charge(charges, 3, 0), charges[0]);
  equal(await store.charge(charges, 2, 0), null);
});

Deno.test("no more simultaneous sessions pass than the rate allows", async () => {
  for await (const store of stores()) {
    await withServer(store, { sessionsPerMinute: 7 }, named, async (served) => {
      const outcomes = await Promise.all(
        Array.from(
          { length: 25 },
          () => outcome(served.as(null), "/v1/sessions"),
        ),
      );
      assert.equal(outcomes.filter((text) => text === "taken").length, 7);
    });
  }
});

Deno.test({
  name: "counts each address apart where everybody may call",
  // Elsewhere than on Linux 127.0.0.2 is no address of the machine.
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const limits = { sessionsPerMinute: 1 };
    const store = new MemoryBudgetStore();
    await withServer(store, limits, undefined, async (served) => {
      const from = (localAddress: string) => {
        const client = Deno.createHttpClient({ localAddress });
        return {
          request: (path: string, init: RequestInit) =>
            fetch(served.url + path, { ...init, client }),
          [Symbol.dispose]: () => client.close(),
        };
      };
      using near = from("127.0.0.1");
      using far = from("127.0.0.2");
      assert.equal(await outcome(near, "/v1/sessions"), "taken");
      assert.equal(await outcome(near, "/v1/sessions"), "rate-limited 30");
      assert.equal(await outcome(far, "/v1/sessions"), "taken");
      assert.equal(await outcome(far, "/v1/sessions"), "rate-limited 30");
    });
  },
});

Deno.test("lists of models are calls, too", async () => {
  const limits = { callsPerMinute: 2 };
  await withServer(
    new MemoryBudgetStore(),
    limits,
    named,
    async ({ url }) => {
      const statuses: number[] = [];
      for (let i = 0; i < 3; i++) {
        const response = await fetch(`${url}/v1/models`);
        await response.body?.cancel();
        statuses.push(response.status);
      }
      assert.deepEqual(statuses, [200, 200, 429]);
    },
  );
});

Deno.test("sealed calls count by milliseconds and bytes, whichever is more of its limit", async () => {
  const limits = { sealedMsPerMinute: 1000, sealedBytesPerMinute: 1e6 };
  for await (const store of stores()) {
    const charge = (ms: number, bytes: number, nowMs = startMs) =>
      chargeWork({ store, limits }, {
        caller: "a",
        work: { ms, bytes },
        nowMs,
      }).then(
        () => "taken",
        ({ code, retryAfterMs }) => `${code} ${retryAfterMs}`,
      );
    const outcomes: string[] = [];
    for (
      const [ms, bytes] of [
        [500, 1000],
        [1, 400_000],
        [101, 0],
        [0, 100_001],
        [100, 100_000],
      ]
    ) outcomes.push(await charge(ms, bytes));
    assert.deepEqual(outcomes, [
      "taken",
      "taken",
      "rate-limited 30000",
      "rate-limited 30000",
      "taken",
    ]);
    // More than a minute has: one such call a minute.
    const next = startMs + minuteMs;
    assert.equal(await charge(5000, 0, next), "taken");
    assert.equal(await charge(1, 0, next), "rate-limited 30000");
  }
});
