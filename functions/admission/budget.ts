/**
 * Budgets: what an account may be told in a minute, a day, and a day of one model.
 * Keys are free to make, so budgets belong to authenticated accounts.
 *
 * @module
 */
import { usedSlots } from "../../sdk/fixed_point/layout.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import type { RoundLayout } from "../../sdk/wire/plan.ts";
import type { AnswerRange } from "../rounds/arithmetic/answers.ts";

/**
 * In values: an output of one sample is one; of a sealed model, the label of one sample.
 * Left out: unlimited, and no sealed model is served without `perModelDay`.
 */
export interface BudgetLimits {
  perMinute?: number;
  perDay?: number;
  /** Of any one model. */
  perModelDay?: number;
}

/** A count that begins anew when its window ends. */
export interface BudgetCharge {
  window: string;
  limit: number;
  /** Milliseconds since 1970. */
  endsAt: number;
  /** A database keeps the count this long after the end: another's clock may be ahead. */
  keepMs: number;
}

export interface BudgetStore {
  /**
   * Adds `amount` to all windows, or to none where one of them would pass its limit.
   *
   * @returns the window in the way, or null
   */
  charge(
    charges: readonly BudgetCharge[],
    amount: number,
    nowMs: number,
  ): Promise<BudgetCharge | null>;
}

export interface Budget {
  store: BudgetStore;
  limits: BudgetLimits;
}

/** Whether anything is counted: Infinity is no limit. */
export const isLimited = ({ limits }: Budget): boolean =>
  Object.values(limits).some(Number.isFinite);

/**
 * The budget of models whose labels are limited by the day, as all sealed ones are;
 * Infinity is a limit that the operator chose.
 *
 * @throws {CipherlayerError} `unsupported` without one
 */
export function labelBudget(budget: Budget | undefined): Budget {
  if (budget?.limits.perModelDay !== undefined) return budget;
  throw new CipherlayerError(
    "unsupported",
    "Cannot serve a sealed model: expected a budget of labels a model and day, got none",
  );
}

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

/** A call that costs something the first time alone. */
export interface PaidOnce {
  /** The same for every repetition, and for nothing else of the account. */
  id: string;
  /** When it cannot come any more, in milliseconds since 1970. */
  endsAt: number;
}

/**
 * Charges a call.
 *
 * @param call.once that it was paid for is written down in the same step as the charge,
 * so that neither a repetition is charged nor one admitted whose charge was refused
 * @throws {CipherlayerError} `budget-exceeded`, with the time until the window ends
 */
export async function chargeBudget(
  { store, limits }: Budget,
  call: {
    account: string;
    model: string;
    values: number;
    nowMs: number;
    once?: PaidOnce;
  },
): Promise<void> {
  const { model, values, nowMs, once } = call;
  const owner = JSON.stringify(call.account);
  const windows: [name: string, limit: number | undefined, lengthMs: number][] =
    [
      ["minute", limits.perMinute, minuteMs],
      ["day", limits.perDay, dayMs],
      [`day of ${JSON.stringify(model)}`, limits.perModelDay, dayMs],
    ];
  const charges = windows.flatMap(([name, limit, lengthMs]) => {
    if (limit === undefined || limit === Infinity) return [];
    const number = Math.floor(nowMs / lengthMs);
    const endsAt = (number + 1) * lengthMs;
    return [{
      window: `${owner}, ${name} ${number}`,
      limit,
      endsAt,
      keepMs: dayMs,
    }];
  });
  if (charges.length === 0) return;
  const paid = once && {
    window: `${owner}, call ${once.id}`,
    limit: values,
    endsAt: once.endsAt,
    keepMs: dayMs,
  };
  const spent = await store.charge(
    paid ? [paid, ...charges] : charges,
    values,
    nowMs,
  );
  if (spent && spent.window !== paid?.window) {
    throw new CipherlayerError(
      "budget-exceeded",
      "Cannot evaluate round: the account's budget is spent for now",
      { retryable: true, retryAfterMs: spent.endsAt - nowMs },
    );
  }
}

/** What a call tells at most: its outputs times the samples, garbage slots included. */
export function valuesOf(layout: RoundLayout, range: AnswerRange): number {
  let values = 0;
  for (let answer = range.from; answer < range.to; answer++) {
    values += usedSlots(layout, answer);
  }
  return values;
}

/** For one process: others count separately. */
export class MemoryBudgetStore implements BudgetStore {
  readonly #counts = new Map<string, { count: number; endsAt: number }>();

  charge(
    charges: readonly BudgetCharge[],
    amount: number,
    nowMs: number,
  ): Promise<BudgetCharge | null> {
    for (const [window, { endsAt }] of this.#counts) {
      if (endsAt <= nowMs) this.#counts.delete(window);
    }
    const count = (window: string) => this.#counts.get(window)?.count ?? 0;
    const over = charges.find(({ window, limit }) =>
      count(window) + amount > limit
    );
    if (over) return Promise.resolve(over);
    for (const { window, endsAt } of charges) {
      this.#counts.set(window, { count: count(window) + amount, endsAt });
    }
    return Promise.resolve(null);
  }
}
