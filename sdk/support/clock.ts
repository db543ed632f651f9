/**
 * Time as the session sees it; tests and simulations bring their own.
 *
 * @module
 */
/**
 * Time as the session sees it; tests and simulations bring their own.
 *
 * @example
 * ```ts
 * import type { Clock } from "@cipherlayer/sdk";
 *
 * // Time that passes when the program waits for it: for simulations.
 * let nowMs = 0;
 * const clock: Clock = {
 *   now: () => nowMs,
 *   wait: (delayMs) => Promise.resolve(void (nowMs += delayMs)),
 * };
 * await clock.wait(60_000);
 * if (clock.now() !== 60_000) throw new Error("time stands still");
 * ```
 */
export interface Clock {
  /** Milliseconds from some fixed moment, never going back. */
  now(): number;
  /**
   * Milliseconds since 1970, which go on while the machine is stopped. Without it a
   * session does not notice that its machine was stopped, copied or set back.
   */
  wall?(): number;
  /** Resolves after `delayMs`; rejects with the signal's reason when it aborts first. */
  wait(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/** The platform's monotonic clock and timers, the default everywhere. */
export const platformClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  wait: (delayMs, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = () => {
        stop();
        reject(signal!.reason);
      };
      const stop = startTimer(() => {
        signal?.removeEventListener("abort", abort);
        resolve();
      }, delayMs);
      signal?.addEventListener("abort", abort, { once: true });
    }),
};

/** Platforms fire a timer at once that is set to more. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * Calls `due` once after any time, `Infinity` included.
 *
 * @returns what stops it
 */
export function startTimer(due: () => void, delayMs: number): () => void {
  let left = delayMs;
  let timer: ReturnType<typeof setTimeout>;
  const sleep = () => {
    const now = Math.min(left, longestTimerMs);
    left -= now;
    timer = setTimeout(() => left > 0 ? sleep() : due(), now);
  };
  sleep();
  return () => clearTimeout(timer);
}

/** The promise's outcome, or the reason of the signal if it aborts first. */
export function orAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", abort));
  });
}
