/**
 * How often a caller may call in a minute, and start a session, which costs the functions
 * most.
 *
 * @module
 */
import { CipherlayerError } from "../../sdk/support/errors.ts";
import type { BudgetStore } from "./budget.ts";

/** Left out: unlimited. */
export interface RateLimits {
  /** Session starts, each shard of a round, and lists of models. */
  callsPerMinute?: number;
  sessionsPerMinute?: number;
}

export interface Rates {
  /** Where calls are counted; one for all instances, if they share it. */
  store: BudgetStore;
  limits: RateLimits;
}

const minuteMs = 60_000;
/** Many callers have windows of their own, and little is lost with one. */
const keepMs = 10 * minuteMs;

/**
 * Counts a call.
 *
 * @throws {CipherlayerError} `rate-limited`, with the time until the minute ends
 */
export async function chargeRate(
  { store, limits }: Rates,
  call: { caller: string; startsSession: boolean; nowMs: number },
): Promise<void> {
  const { caller, startsSession, nowMs } = call;
  const minute = Math.floor(nowMs / minuteMs);
  const endsAt = (minute + 1) * minuteMs;
  const charges = [
    ["calls", limits.callsPerMinute] as const,
    ["sessions", startsSession ? limits.sessionsPerMinute : undefined] as const,
  ].flatMap(([name, limit]) =>
    limit === undefined ? [] : [{
      window: `${JSON.stringify(caller)}, ${name} ${minute}`,
      limit,
      endsAt,
      keepMs,
    }]
  );
  if (charges.length === 0) return;
  const spent = await store.charge(charges, 1, nowMs);
  if (spent) {
    throw new CipherlayerError(
      "rate-limited",
      `Cannot take the call: expected at most ${spent.limit} a minute`,
      { retryable: true, retryAfterMs: spent.endsAt - nowMs },
    );
  }
}
