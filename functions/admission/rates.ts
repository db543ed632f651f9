/**
 * How often a caller may call in a minute, start a session, which costs the functions
 * most, and how much work its sealed calls may be.
 *
 * @module
 */
import { CipherlayerError } from "../../sdk/support/errors.ts";
import type { BudgetCharge, BudgetStore } from "./budget.ts";

/** Left out: unlimited. */
export interface RateLimits {
  /** Session starts, each shard of a round, and lists of models. */
  callsPerMinute?: number;
  sessionsPerMinute?: number;
  /** Predicted milliseconds of sealed calls, on one core; Infinity: unlimited. */
  sealedMsPerMinute?: number;
  /** Of replies to sealed calls; Infinity: unlimited. */
  sealedBytesPerMinute?: number;
}

/** What a sealed call asks for, as far as it can be told before. */
export interface SealedWork {
  /** Predicted milliseconds on one core. */
  ms: number;
  /** Bytes of the reply. */
  bytes: number;
}

export interface Rates {
  /** Where calls are counted; one for all instances, if they share it. */
  store: BudgetStore;
  limits: RateLimits;
}

const minuteMs = 60_000;
/** Each of many callers has a window, and little is lost with one. */
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
  const charges = windowsOf(caller, nowMs, {
    calls: limits.callsPerMinute,
    sessions: startsSession ? limits.sessionsPerMinute : undefined,
  });
  if (charges.length === 0) return;
  const spent = await store.charge(charges, 1, nowMs);
  if (spent) {
    throw limited(`expected at most ${spent.limit} a minute`, spent, nowMs);
  }
}

/** A minute's work is counted in so many parts. */
const parts = 1e6;

/**
 * Counts a sealed call by its work: a few bytes may ask for a second of a thread or for
 * megabytes. It takes as much of the minute as of the limit that it comes nearer to, so
 * that both hold; one that is larger than a limit takes all.
 *
 * @throws {CipherlayerError} `rate-limited`, with the time until the minute ends
 */
export async function chargeWork(
  { store, limits }: Rates,
  call: { caller: string; work: SealedWork; nowMs: number },
): Promise<void> {
  const { caller, work, nowMs } = call;
  const { sealedMsPerMinute = Infinity, sealedBytesPerMinute = Infinity } =
    limits;
  const share = Math.max(
    work.ms / sealedMsPerMinute,
    work.bytes / sealedBytesPerMinute,
  );
  if (share === 0) return;
  const charges = windowsOf(caller, nowMs, { "sealed work": parts });
  const amount = Math.ceil(parts * Math.min(1, share));
  const spent = await store.charge(charges, amount, nowMs);
  if (spent) {
    throw limited(
      `expected sealed calls of at most ${sealedMsPerMinute} ms and ${sealedBytesPerMinute} bytes a minute`,
      spent,
      nowMs,
    );
  }
}

/** Counts of a minute, for limits that there are. */
function windowsOf(
  caller: string,
  nowMs: number,
  limits: Record<string, number | undefined>,
): BudgetCharge[] {
  const minute = Math.floor(nowMs / minuteMs);
  const endsAt = (minute + 1) * minuteMs;
  return Object.entries(limits).flatMap(([name, limit]) =>
    limit === undefined ? [] : [{
      window: `${JSON.stringify(caller)}, ${name} ${minute}`,
      limit,
      endsAt,
      keepMs,
    }]
  );
}

const limited = (
  expected: string,
  { endsAt }: BudgetCharge,
  nowMs: number,
): CipherlayerError =>
  new CipherlayerError("rate-limited", `Cannot take the call: ${expected}`, {
    retryable: true,
    retryAfterMs: endsAt - nowMs,
  });
