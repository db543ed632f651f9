/**
 * Long work that is due to pause at each of its steps, however fast the machine.
 *
 * @module
 */
/** Runs `work` where each look at the clock finds a stretch of work over. */
export async function withoutPatience(
  work: () => Promise<void>,
): Promise<void> {
  const { now } = performance;
  let time = 0;
  performance.now = () => time += 1000;
  try {
    await work();
  } finally {
    performance.now = now;
  }
}
