import { deepEqual, equal } from "node:assert/strict";
import {
  type BudgetStore,
  MemoryBudgetStore,
} from "../../../functions/admission/budget.ts";
import { FinalCalls } from "../../../functions/admission/final_calls.ts";
import { KvBudgetStore } from "../../../functions/stores/kv_budget.ts";
import { KvNonceStore } from "../../../functions/stores/kv_spent_tokens.ts";
import {
  MemoryNonceStore,
  type NonceStore,
} from "../../../functions/stores/spent_tokens.ts";

const dayMs = 24 * 60 * 60_000;
const morning = 40 * dayMs;

interface Stores {
  store: BudgetStore;
  nonces: NonceStore;
}

/** What two instances share: memory, or a database that each opens for itself. */
async function* pairs(): AsyncGenerator<[string, Stores[]]> {
  const memory = {
    store: new MemoryBudgetStore(),
    nonces: new MemoryNonceStore(),
  };
  yield ["memory", [memory, memory]];
  const folder = await Deno.makeTempDir();
  {
    using kv = await Deno.openKv(`${folder}/kv`);
    using other = await Deno.openKv(`${folder}/kv`);
    yield [
      "Deno KV",
      [kv, other].map((kv) => ({
        store: new KvBudgetStore(kv, () => morning),
        nonces: new KvNonceStore(kv, () => morning),
      })),
    ];
  }
  await Deno.remove(folder, { recursive: true });
}

function instances(stores: Stores[], perModelDay: number) {
  const clock = { nowMs: morning };
  const calls = stores.map(({ store, nonces }) =>
    new FinalCalls({
      budget: { store, limits: { perModelDay } },
      nonces,
      clock: () => clock.nowMs,
    })
  );
  let count = 0;
  const charge = (token: string, body: string, samples = 1) =>
    calls[count++ % calls.length].charge({
      account: "home",
      model: "m",
      samples,
      expiresAt: morning + dayMs,
      token: new TextEncoder().encode(token),
      body: new TextEncoder().encode(`${token} ${body}`),
    }).then(() => "told", ({ code }) => code as string);
  return { charge, clock };
}

Deno.test("a final call costs a label a sample once, and its token is good for one body", async () => {
  for await (const [name, stores] of pairs()) {
    const { charge, clock } = instances(stores, 3);
    const outcomes: string[] = [];
    for (
      const [token, body, samples] of [
        ["a", "1", 2],
        // Again, at the other instance: free.
        ["a", "1", 2],
        ["a", "2", 2],
        // One label is left.
        ["b", "1", 2],
        ["c", "1", 1],
        ["c", "1", 1],
        // What was refused is not free when it comes again.
        ["b", "1", 2],
        ["a", "1", 2],
      ] as const
    ) {
      outcomes.push(await charge(token, body, samples));
    }
    deepEqual(outcomes, [
      "told",
      "told",
      "token-spent",
      "budget-exceeded",
      "told",
      "told",
      "budget-exceeded",
      "told",
    ], name);
    clock.nowMs += dayMs;
    equal(await charge("b", "1", 2), "told", name);
    equal(await charge("d", "1", 2), "budget-exceeded", name);
  }
});

Deno.test("of 200 bodies at once under one token one is told, and under as many tokens what the budget holds", async () => {
  const told = (outcomes: string[]) =>
    outcomes.filter((outcome) => outcome === "told").length;
  for await (const [name, stores] of pairs()) {
    const { charge } = instances(stores, 40);
    const one = await Promise.all(
      Array.from({ length: 200 }, (_, i) => charge("one", `${i}`)),
    );
    deepEqual([told(one), new Set(one).size], [1, 2], `${name}: ${one}`);
    const many = await Promise.all(
      Array.from({ length: 100 }, (_, i) => charge(`token ${i}`, "1")),
    );
    equal(told(many), 39, name);
  }
});

Deno.test("where labels are not limited nothing is written down", async () => {
  const memory = {
    store: new MemoryBudgetStore(),
    nonces: { spend: () => Promise.reject(new Error("written down")) },
  };
  const { charge } = instances([memory], Infinity);
  deepEqual([await charge("a", "1"), await charge("a", "2")], ["told", "told"]);
});
