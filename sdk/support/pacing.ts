/**
 * Gives long computations pauses, so that a page or server stays responsive.
 *
 * @module
 */
/** Longest stretch of uninterrupted work, so that a page or server stays responsive. */
const stretchMs = 40;

/**
 * On Cloudflare's runtime a pause ends with the request that it began in, and who
 * waits for the work from another request then waits for ever. Its clock stands
 * still during computations, so that none would be due there anyway.
 */
const pauses = globalThis.navigator?.userAgent !== "Cloudflare-Workers";

/** Runs a computation in steps to its end, without pauses. */
export function atOnce<T>(work: Generator<void, T>): T {
  let step = work.next();
  while (!step.done) step = work.next();
  return step.value;
}

/**
 * Paces a long computation: call `due()` between its steps and, where it answers
 * true, `await pause()`, which lets the event loop run and obeys the signal.
 */
export class Pacer {
  #started = performance.now();

  /** @throws the signal's reason if it is already aborted */
  constructor(readonly signal?: AbortSignal) {
    signal?.throwIfAborted();
  }

  /** Whether the current stretch has lasted long enough. */
  due(): boolean {
    return pauses && performance.now() - this.#started > stretchMs;
  }

  /** @throws the signal's reason if it has been aborted */
  async pause(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.signal?.throwIfAborted();
    this.#started = performance.now();
  }
}
