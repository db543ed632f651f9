/** A thread that charges a budget in the database it is told of, and counts what passed. */
import { KvBudgetStore } from "../../../functions/stores/kv_budget.ts";
import { chargeBudget } from "../../../functions/admission/budget.ts";

const thread = self as unknown as {
  onmessage: (event: MessageEvent<{ path: string; calls: number }>) => void;
  postMessage: (passed: number | string) => void;
};

thread.onmessage = async ({ data: { path, calls } }) => {
  using kv = await Deno.openKv(path);
  const budget = { store: new KvBudgetStore(kv), limits: { perDay: 1000 } };
  let passed = 0;
  try {
    for (let i = 0; i < calls; i++) {
      const call = { account: "all", model: "a", values: 9, nowMs: 0 };
      await chargeBudget(budget, call).then(() => passed++, (error) => {
        if (error.code !== "budget-exceeded") throw error;
      });
    }
    thread.postMessage(passed);
  } catch (error) {
    thread.postMessage((error as Error).message);
  }
};
