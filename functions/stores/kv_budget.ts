/**
 * Counts of budgets and rates in Deno KV. Runtime: Deno.
 *
 * @module
 */
import type { BudgetCharge, BudgetStore } from "../admission/budget.ts";
import { whenUnlocked } from "./kv_lock.ts";
import { KvSweep } from "./kv_sweep.ts";

/** In Deno KV: one count for all instances that open the same database. */
export class KvBudgetStore implements BudgetStore {
  readonly #kv: Deno.Kv;
  readonly #sweep: KvSweep;

  constructor(kv: Deno.Kv, clock: () => number = Date.now) {
    this.#kv = kv;
    this.#sweep = new KvSweep(kv, "budget", clock);
  }

  async charge(
    charges: readonly BudgetCharge[],
    amount: number,
  ): Promise<BudgetCharge | null> {
    await this.#sweep.beforeWrite();
    const keys = charges.map(({ window }) => ["cipherlayer", "budget", window]);
    for (;;) {
      const entries = await whenUnlocked(() =>
        Promise.all(keys.map((key) => this.#kv.get<number>(key)))
      );
      const over = charges.find(({ limit }, i) =>
        (entries[i].value ?? 0) + amount > limit
      );
      if (over) return over;
      const { ok } = await whenUnlocked(() => {
        const change = this.#kv.atomic().check(...entries);
        charges.forEach(({ endsAt, keepMs }, i) => {
          const { value } = entries[i];
          change.set(keys[i], (value ?? 0) + amount);
          if (value === null) {
            this.#sweep.note(change, keys[i], endsAt + keepMs);
          }
        });
        return change.commit();
      });
      if (ok) return null;
      // Another call was faster: count again.
    }
  }
}
