import assert from "node:assert/strict";
import { createApp } from "../../../functions/app.ts";
import { KvBudgetStore } from "../../../functions/stores/kv_budget.ts";
import {
  type BudgetLimits,
  type BudgetStore,
  chargeBudget,
  MemoryBudgetStore,
  valuesOf,
} from "../../../functions/admission/budget.ts";
import { MemoryModelStore } from "../../../functions/models/memory_models.ts";
import { encodeRoundRequest } from "../../../sdk/wire/codec.ts";
import { inputCiphertexts } from "../../../sdk/fixed_point/layout.ts";
import { tinyDense } from "../../reference/tiny_models.ts";
import {
  askRound,
  owner,
  post,
  sealingKey,
  startSession,
} from "../../support/gateway.ts";

const minuteMs = 60_000;

/** Both stores, each new. */
async function* stores(): AsyncGenerator<[string, BudgetStore]> {
  yield ["memory", new MemoryBudgetStore()];
  using kv = await Deno.openKv(":memory:");
  yield ["Deno KV", new KvBudgetStore(kv)];
}

async function charges(
  store: BudgetStore,
  limits: BudgetLimits,
  calls: { model: string; values: number; nowMs: number; account?: string }[],
): Promise<boolean[]> {
  const results: boolean[] = [];
  for (const call of calls) {
    const budget = { store, limits };
    results.push(
      await chargeBudget(budget, { account: "all", ...call }).then(
        () => true,
        (error) => {
          assert.equal(error.code, "budget-exceeded");
          assert.ok(error.retryAfterMs > 0);
          return false;
        },
      ),
    );
  }
  return results;
}

Deno.test("a window is kept a day after its end, whatever other processes' clocks say", async () => {
  using kv = await Deno.openKv(":memory:");
  const dayMs = 24 * 60 * minuteMs;
  let now = 40 * dayMs;
  const store = new KvBudgetStore(kv, () => now);
  const charge = (account: string, nowMs: number) =>
    chargeBudget({ store, limits: { perDay: 10 } }, {
      account,
      model: "a",
      values: 10,
      nowMs,
    });
  const chargeOthers = async () => {
    for (let i = 0; i < 150; i++) await charge(`${now} ${i}`, now);
  };
  const first = now;
  await charge("all", first);
  now = first + 2 * dayMs - 1;
  await chargeOthers();
  await assert.rejects(charge("all", first), { code: "budget-exceeded" });
  now = first + 2 * dayMs + 1;
  await chargeOthers();
  await charge("all", first);
});

Deno.test("budgets hold per minute, day and model, for each account", async () => {
  for await (const [name, store] of stores()) {
    const nowMs = 40 * 24 * 60 * minuteMs;
    const model = "a";
    assert.deepEqual(
      await charges(store, { perMinute: 10, perDay: 25, perModelDay: 18 }, [
        { model, values: 6, nowMs },
        // More than is left in the minute; what is refused is not charged.
        { model, values: 6, nowMs: nowMs + 1 },
        { model, values: 4, nowMs: nowMs + 2 },
        { model, values: 1, nowMs: nowMs + 3, account: "other" },
        // The next minute: 8 left of this model's day, then 7 of the day for others.
        { model, values: 9, nowMs: nowMs + minuteMs },
        { model, values: 8, nowMs: nowMs + minuteMs },
        { model: "b", values: 8, nowMs: nowMs + 2 * minuteMs },
        { model: "b", values: 7, nowMs: nowMs + 2 * minuteMs },
      ]),
      [true, false, true, true, false, true, false, true],
      name,
    );
  }
});

Deno.test("a call is charged for every slot that its answers use", () => {
  const layout = {
    kind: "dense",
    samples: 2,
    fold: 3,
    inputs: [{ tensor: "x", length: 9 }],
    outputLength: 5,
    slotBits: 11,
    guardBits: 1,
    valuesPerCiphertext: 3,
  } as const;
  // Blocks of 3 * 2 slots; three values in the first answer, two in the second.
  const slots = (from: number, to: number) =>
    valuesOf({ ...layout, inputs: [...layout.inputs] }, { from, to });
  assert.deepEqual([slots(0, 1), slots(1, 2), slots(0, 2)], [18, 12, 30]);
});

Deno.test("no more simultaneous calls pass than the budget holds", async () => {
  for await (const [name, store] of stores()) {
    const results = await Promise.all(
      Array.from(
        { length: 30 },
        () =>
          charges(store, { perDay: 100 }, [{
            model: "a",
            values: 9,
            nowMs: Date.now(),
          }]),
      ),
    );
    assert.equal(results.flat().filter(Boolean).length, 11, name);
  }
});

Deno.test("a spent budget answers 429 with Retry-After, and later an answer", async () => {
  const model = tinyDense();
  let now = 1000 * minuteMs + 30_000;
  const session = (limits: BudgetLimits) => {
    const app = createApp({
      models: new MemoryModelStore(model),
      sealingKey,
      insecureKeys: true,
      clock: () => now,
      budget: { store: new MemoryBudgetStore(), limits },
    });
    return startSession(app, model.manifest.name).then((s) => ({ ...s, app }));
  };
  const { plan, token } = await session({});
  const { layout } = plan.rounds[0];
  const answers = Math.ceil(
    layout.kind === "dense"
      ? layout.outputLength / layout.valuesPerCiphertext
      : 0,
  );
  const perMinute = valuesOf(layout, { from: 0, to: answers });
  const { app } = await session({ perMinute });
  const ciphertexts = await owner.encryptBatch(
    Array(inputCiphertexts(layout)).fill(1n),
  );
  await askRound([app], 0, { token, ciphertexts });
  const refused = await post(
    app,
    "/v1/rounds/0",
    encodeRoundRequest({ token, ciphertexts }),
  );
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get("retry-after"), "30");
  const problem = await refused.json();
  assert.equal(problem.code, "budget-exceeded");
  assert.equal(problem.retryable, true);
  now += 30_000;
  await askRound([app], 0, { token, ciphertexts });
});

Deno.test("refuses ciphertexts that cannot be evaluated before anything is counted, when a budget is set", async () => {
  const model = tinyDense();
  const charged: number[] = [];
  const app = createApp({
    models: new MemoryModelStore(model),
    sealingKey,
    insecureKeys: true,
    budget: {
      store: {
        charge(_charges, amount) {
          charged.push(amount);
          return Promise.resolve(null);
        },
      },
      limits: { perDay: 1000 },
    },
  });
  const { token, plan } = await startSession(app, model.manifest.name);
  const count = inputCiphertexts(plan.rounds[0].layout);
  const ciphertexts = await owner.encryptBatch(Array(count).fill(3n));
  const ask = async (ciphertexts: Uint8Array) => {
    const body = encodeRoundRequest({ token, ciphertexts });
    const reply = await post(app, "/v1/rounds/0", body);
    return reply.ok ? "ok" : (await reply.json()).code;
  };
  const tooLarge = new Uint8Array(ciphertexts.length).fill(255);
  assert.equal(await ask(ciphertexts.subarray(1)), "count-mismatch");
  assert.equal(await ask(tooLarge), "ciphertext-out-of-range");
  assert.deepEqual(charged, []);
  assert.equal(await ask(ciphertexts), "ok");
  assert.equal(charged.length, 1);
});

Deno.test("threads with a connection each: locks are waited for, and counts are right", async () => {
  const folder = await Deno.makeTempDir();
  const passed = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const url = new URL("./budget_worker.ts", import.meta.url);
      const worker = new Worker(url, { type: "module" });
      const done = Promise.withResolvers<number | string>();
      worker.onmessage = ({ data }) => done.resolve(data);
      worker.postMessage({ path: `${folder}/kv`, calls: 60 });
      const result = await done.promise;
      worker.terminate();
      return result;
    }),
  );
  assert.ok(passed.every((count) => typeof count === "number"), `${passed}`);
  assert.equal(passed.reduce((sum, count) => Number(sum) + Number(count)), 111);
  await Deno.remove(folder, { recursive: true });
});
