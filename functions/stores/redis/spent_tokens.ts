/**
 * Spent tokens in Redis.
 *
 * @module
 */
import { type NonceStore, rememberSharedMs } from "../spent_tokens.ts";
import type { RedisConnection } from "./connection.ts";
import { prefix, timed } from "./scripts.ts";

/**
 * The request that a token is spent on: the one that is held, or this one. Written again
 * each time: replicas are asked for what has been written.
 */
const spend = timed(`
local held = redis.call('GET', KEYS[1])
if held then
  redis.call('SET', KEYS[1], held, 'KEEPTTL')
  return held
end
local life = math.max(0, ARGV[2] - now) + ARGV[3]
redis.call('SET', KEYS[1], ARGV[1], 'PX', string.format('%d', life))
return ARGV[1]`);

/** In Redis: shared by all instances, and forgotten `rememberSharedMs` after tokens expire. */
export class RedisNonceStore implements NonceStore {
  readonly #connection: RedisConnection;

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  spend(token: string, request: string, expiresAt: number): Promise<string> {
    return this.#connection.write({
      script: spend,
      keys: [`${prefix}spent:${token}`],
      args: [request, expiresAt, rememberSharedMs],
    });
  }
}
