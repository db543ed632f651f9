import { Pacer } from "../../../sdk/support/pacing.ts";

/**
 * Runs a computation that yields often, letting the event loop run in between.
 *
 * @throws the signal's reason once it is aborted
 */
export async function runPaced<T>(
  work: Generator<void, T>,
  signal?: AbortSignal,
): Promise<T> {
  const pacer = new Pacer(signal);
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    if (pacer.due()) await pacer.pause();
  }
}
