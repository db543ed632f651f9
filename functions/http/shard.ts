/**
 * Which part of a call is asked for.
 *
 * @module
 */
import { CipherlayerError } from "../../sdk/support/errors.ts";

/** Part number `shard` of `shards`. */
export interface Shard {
  shard: number;
  shards: number;
}

/**
 * Reads `i/k`.
 *
 * @param text the whole call where there is none
 * @throws {CipherlayerError} `malformed` unless i < k <= `max`
 */
export function parseShard(
  text: string | undefined,
  max: number,
): Shard {
  if (text === undefined) return { shard: 0, shards: 1 };
  const match = /^(\d{1,4})\/(\d{1,4})$/.exec(text);
  const shard = Number(match?.[1]), shards = Number(match?.[2]);
  if (!match || shards > max || shard >= shards) {
    throw new CipherlayerError(
      "malformed",
      `Cannot read shard: expected i/k with i < k <= ${max}`,
    );
  }
  return { shard, shards };
}
