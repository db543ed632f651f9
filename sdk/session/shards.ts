/**
 * The parts that a call is asked for in.
 *
 * @module
 */
import { equal } from "../support/bytes.ts";
import { CipherlayerError } from "../support/errors.ts";

/** Shards of a call on their way at a time: each sends the call's whole body. */
const shardsAtOnce = 8;

/**
 * Asks for all shards, some at a time.
 *
 * @param ask with a signal that aborts, too, when another shard is lost: all are of no use
 * then
 * @returns what they gave, in order
 */
export async function askShards<T>(
  shards: number,
  signal: AbortSignal | undefined,
  ask: (shard: number, signal: AbortSignal) => Promise<T>,
): Promise<T[]> {
  const failed = new AbortController();
  const either = AbortSignal.any(
    signal ? [signal, failed.signal] : [failed.signal],
  );
  const replies: T[] = Array(shards);
  const rest = replies.keys();
  const asking = Array.from({ length: shardsAtOnce }, async () => {
    for (const shard of rest) replies[shard] = await ask(shard, either);
  });
  await Promise.all(asking).catch(async (error) => {
    failed.abort(error);
    await Promise.allSettled(asking);
    throw error;
  });
  return replies;
}

/**
 * @param tokens of all shards of round `index`
 * @throws {CipherlayerError} `token-mismatch`
 */
export function checkSameToken(
  tokens: readonly Uint8Array[],
  index: number,
): void {
  if (tokens.every((token) => equal(token, tokens[0]))) return;
  throw new CipherlayerError(
    "token-mismatch",
    `Cannot accept answer of round ${index}: its shards carry different tokens`,
  );
}

/**
 * Checks that a round's token opens the next one, and that the last round has none.
 *
 * @throws {CipherlayerError} `token-mismatch`
 */
export function checkNextToken(
  token: Uint8Array,
  index: number,
  rounds: number,
): void {
  const isLast = index === rounds - 1;
  if ((token.length === 0) === isLast) return;
  throw new CipherlayerError(
    "token-mismatch",
    `Cannot accept answer of round ${index}: expected ${
      isLast ? "no token after the last round" : "a token for the next round"
    }`,
  );
}
