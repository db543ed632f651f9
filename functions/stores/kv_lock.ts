/**
 * Waits while another process holds a Deno KV database.
 *
 * @module
 */
import { CipherlayerError } from "../../sdk/support/errors.ts";

const attempts = 60;
const longestWaitMs = 100;
/** As SQLite words them: they pass when there is room again, or the file is repaired. */
const storageFaults =
  /disk is full|disk I\/O error|readonly database|not a database|is malformed/;

/**
 * Runs an operation on a local Deno KV database again while another thread or
 * process holds its lock: nothing was written then.
 *
 * @throws {CipherlayerError} `server-fault`, retryable, if it stays locked for
 * seconds, its disk is full or fails, or its file is damaged
 */
export async function whenUnlocked<T>(operation: () => Promise<T>): Promise<T> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    try {
      return await operation();
    } catch (error) {
      const { message } = error as Error;
      if (
        error instanceof Deno.errors.BadResource || storageFaults.test(message)
      ) {
        throw new CipherlayerError(
          "server-fault",
          "Cannot use the database: its storage fails",
          { retryable: true, cause: error },
        );
      }
      if (!/database is locked/.test(message)) throw error;
    }
    const maxMs = Math.min(longestWaitMs, 2 ** attempt);
    await new Promise((done) => setTimeout(done, 1 + maxMs * Math.random()));
  }
  throw new CipherlayerError(
    "server-fault",
    "Cannot use the database: it stays locked",
    { retryable: true },
  );
}
