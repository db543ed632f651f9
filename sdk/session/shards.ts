/**
 * The parts that a call is asked for in.
 *
 * @module
 */

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
