/**
 * What instances keep together, whatever database they share.
 *
 * @module
 */
import type { BudgetStore } from "../admission/budget.ts";
import type { ReadinessCheck } from "../telemetry/readiness.ts";
import type { ObjectStore } from "./object_store.ts";
import type { NonceStore } from "./spent_tokens.ts";

/** Stores of one database. While it cannot be used, each refuses: nothing is let through. */
export interface SharedState {
  nonces: NonceStore;
  /** Counts of budgets and rates; none where threads would count apart. */
  budgets?: BudgetStore;
  /** Models that owners upload; none where it is no place for them. */
  objects?: ObjectStore;
  /** Whether it can be used, and the clocks of its instances agree. */
  ready?: ReadinessCheck;
  /** Gives up what would keep the process alive. */
  close(): Promise<void>;
}
