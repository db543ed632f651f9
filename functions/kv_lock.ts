import { CipherlayerError } from "../sdk/errors.ts";

const attempts = 60;
const longestWaitMs = 100;

/**
 * Runs an operation on a local Deno KV database again while another thread or
 * process holds its lock: nothing was written then.
 *
 * @throws {CipherlayerError} `server-fault`, retryable, if it stays locked for seconds
 */
export async function whenUnlocked<T>(operation: () => Promise<T>): Promise<T> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    try {
      return await operation();
    } catch (error) {
      if (!/database is locked/.test((error as Error).message)) throw error;
    }
    const mostMs = Math.min(longestWaitMs, 2 ** attempt);
    await new Promise((done) => setTimeout(done, 1 + mostMs * Math.random()));
  }
  throw new CipherlayerError(
    "server-fault",
    "Cannot keep count of requests: the database stays locked",
    { retryable: true },
  );
}
