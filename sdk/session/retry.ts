/**
 * When a failed call is tried again.
 *
 * @module
 */
import type { Clock } from "../support/clock.ts";
import { CipherlayerError } from "../support/errors.ts";
import { platformRandom, type RandomSource } from "../support/random.ts";

/**
 * Decides what follows a retryable fault.
 *
 * @param failures how often this call has failed so far, 1 or more
 * @returns milliseconds to wait before the next try, or null to give up
 *
 * @example
 * ```ts
 * import { CipherlayerError, type RetryPolicy } from "@cipherlayer/sdk";
 *
 * const threeTries: RetryPolicy = (failures) => failures < 3 ? 1000 : null;
 * const fault = new CipherlayerError("network", "no route");
 * if (threeTries(3, fault) !== null) throw new Error("should give up");
 * ```
 */
export type RetryPolicy = (
  failures: number,
  error: CipherlayerError,
) => number | null;

/** Up to this share is added at random to `Retry-After`, so that clients do not return together. */
const maxLateness = 0.25;

/**
 * Options of {@linkcode exponentialBackoff}.
 *
 * @example
 * ```ts
 * import { type BackoffOptions, exponentialBackoff } from "@cipherlayer/sdk";
 *
 * const options: BackoffOptions = { attempts: 5, firstDelayMs: 100 };
 * const retry = exponentialBackoff(options);
 * console.log(typeof retry); // connect({ retry, ... })
 * ```
 */
export interface BackoffOptions {
  /**
   * Longest wait after the first failure; doubles with each further one.
   *
   * @default 250
   */
  firstDelayMs?: number;
  /**
   * Longest wait, whatever the server asks.
   *
   * @default 15,000
   */
  longestDelayMs?: number;
  /**
   * Tries in all, the first included.
   *
   * @default 12, about a minute and a half
   */
  attempts?: number;
  /**
   * Source of the jitter.
   *
   * @default the platform's cryptographic source
   */
  random?: RandomSource;
}

/**
 * Waits that double, each drawn uniformly from the upper half of its range so
 * that many gateways do not return at the same moment. A server's `Retry-After`
 * is honoured up to `longestDelayMs`, with up to a quarter more for the same reason.
 *
 * @example Give up after three tries
 * ```ts
 * import { CipherlayerError, exponentialBackoff } from "@cipherlayer/sdk";
 *
 * const policy = exponentialBackoff({ attempts: 3, firstDelayMs: 100 });
 * const fault = new CipherlayerError("network", "no route");
 * const delayMs = policy(1, fault);
 * if (delayMs === null || delayMs < 50 || delayMs > 100) throw new Error("?");
 * if (policy(3, fault) !== null) throw new Error("should give up");
 * ```
 */
export function exponentialBackoff(options: BackoffOptions = {}): RetryPolicy {
  const {
    firstDelayMs = 250,
    longestDelayMs = 15_000,
    attempts = 12,
    random = platformRandom,
  } = options;
  return (failures, error) => {
    if (failures >= attempts) return null;
    const range = Math.min(firstDelayMs * 2 ** (failures - 1), longestDelayMs);
    const [high, low] = random(2);
    const jitter = (256 * high + low) / 0xffff;
    const asked = error.retryAfterMs * (1 + maxLateness * jitter);
    return Math.min(
      Math.max(range / 2 * (1 + jitter), asked),
      longestDelayMs,
    );
  };
}

/** What {@linkcode withRetries} needs besides the operation. */
export interface RetryContext {
  policy: RetryPolicy;
  clock: Clock;
  signal?: AbortSignal;
  /** Told before each wait. */
  onRetry?: (
    failures: number,
    delayMs: number,
    error: CipherlayerError,
  ) => void;
}

/**
 * Runs `operation` until it succeeds, fails with a fault that is not retryable,
 * or the policy gives up; then the last fault is thrown.
 */
export async function withRetries<T>(
  operation: () => Promise<T>,
  { policy, clock, signal, onRetry }: RetryContext,
): Promise<T> {
  for (let failures = 1;; failures++) {
    try {
      return await operation();
    } catch (error) {
      if (!(error instanceof CipherlayerError) || !error.retryable) throw error;
      const delayMs = policy(failures, error);
      if (delayMs === null) throw error;
      onRetry?.(failures, delayMs, error);
      await clock.wait(delayMs, signal);
    }
  }
}
