/**
 * Remembers which counts are full, so that a caller who goes on asking costs no look
 * into the store.
 *
 * @module
 */
import type { BudgetCharge, BudgetStore } from "./budget.ts";

/** What is forgotten beyond them costs a look again. */
const maxWindows = 4096;

/** A store whose full windows are known here until they end. */
export class SpentWindows implements BudgetStore {
  readonly #store: BudgetStore;
  /** When they end, by window. */
  readonly #spent = new Map<string, number>();

  constructor(store: BudgetStore) {
    this.#store = store;
  }

  async charge(
    charges: readonly BudgetCharge[],
    amount: number,
    nowMs: number,
  ): Promise<BudgetCharge | null> {
    const known = charges.find(({ window }) =>
      nowMs < (this.#spent.get(window) ?? -Infinity)
    );
    if (known) return known;
    const over = await this.#store.charge(charges, amount, nowMs);
    // Where more is asked for, less might still fit.
    if (over && amount === 1) {
      if (this.#spent.size >= maxWindows) this.#spent.clear();
      this.#spent.set(over.window, over.endsAt);
    }
    return over;
  }
}
