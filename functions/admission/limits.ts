/**
 * What one call may ask of the functions: sizes, counts, time, and how long a session lasts.
 *
 * @module
 */
import { maxShards } from "../../sdk/wire/limits.ts";

/** What one call may ask of the functions. */
export interface Limits {
  /** Bytes of a request's body. */
  bodyBytes: number;
  /** In each so many milliseconds a body must grow by as many bytes (1 kB/s), or end. */
  bodyPatienceMs: number;
  /** A streamed reply ends where its reader takes nothing for so many milliseconds. */
  replyPatienceMs: number;
  /** Samples per inference. */
  samples: number;
  /** Parts that a round may be split into. */
  shards: number;
  /**
   * Predicted milliseconds of a call, on one core of the machine that the cost model
   * knows: rounds that take longer are split. All instances need the same.
   */
  maxMillisecondsPerCall: number;
  /** A session's tokens are good for this long. */
  tokenLifetimeMs: number;
  /** Memory for tables of re-randomisation: at 2048 bits 16 MB a key, 38 MB for large batches. */
  randomiserBytes: number;
}

export const defaultLimits: Limits = {
  bodyBytes: 32 * 2 ** 20,
  bodyPatienceMs: 5_000,
  replyPatienceMs: 30_000,
  samples: 4096,
  shards: maxShards,
  maxMillisecondsPerCall: Infinity,
  tokenLifetimeMs: 60 * 60 * 1000,
  randomiserBytes: 192 * 2 ** 20,
};
