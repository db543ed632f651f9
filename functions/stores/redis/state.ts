/**
 * Shared state in Redis or Valkey. Runtime: Deno and Node.
 *
 * @module
 */
import {
  type BeatBoard,
  beatLifetimeMs,
  type SeenBeats,
  SharedHeartbeat,
} from "../shared_heartbeat.ts";
import type { SharedState } from "../shared_state.ts";
import { RedisBudgetStore } from "./budget.ts";
import { RedisConnection, type RedisOptions } from "./connection.ts";
import { RedisObjectStore } from "./objects.ts";
import { prefix, timed } from "./scripts.ts";
import { RedisNonceStore } from "./spent_tokens.ts";

/** Arguments: an instance, its time, and how long beats count. */
const beat = timed(`
local ahead = ARGV[2] - now
redis.call('HSET', KEYS[1], ARGV[1], string.format('%d %d', ahead, now))
local beats = redis.call('HGETALL', KEYS[1])
local found = {}
for i = 1, #beats, 2 do
  local ahead, at = string.match(beats[i + 1], '(%S+) (%S+)')
  if math.abs(now - at) > tonumber(ARGV[3]) then
    redis.call('HDEL', KEYS[1], beats[i])
  else
    table.insert(found, beats[i])
    table.insert(found, ahead)
  end
end
return found`);

/** Where instances that share a server leave their times. */
export class RedisBeats implements BeatBoard {
  readonly #connection: RedisConnection;

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  async beat(id: string, nowMs: number): Promise<SeenBeats> {
    const found = await this.#connection.write<string[]>({
      script: beat,
      keys: [`${prefix}instances`],
      args: [id, Math.round(nowMs), beatLifetimeMs],
    });
    const aheadMs = new Map<string, number>();
    for (let i = 0; i < found.length; i += 2) {
      aheadMs.set(found[i], Number(found[i + 1]));
    }
    return {
      aheadMs,
      reasons: evictions(await this.#connection.info("memory")),
    };
  }
}

/** A server that makes room by itself would forget spent tokens. */
function evictions(memory: ReadonlyMap<string, string>): string[] {
  const policy = memory.get("maxmemory_policy");
  return memory.get("maxmemory") === "0" || policy === "noeviction" ? [] : [
    "the database forgets what it should keep: expected maxmemory-policy noeviction",
  ];
}

/**
 * Opens what a server keeps; it may be away, and is then waited for.
 *
 * @param beats this instance's time is to be left there
 * @throws {TypeError} for a URL that makes no sense
 */
export async function openRedisState(
  options: RedisOptions,
  { beats }: { beats: boolean },
): Promise<SharedState> {
  const connection = await RedisConnection.open(options);
  const heartbeat = beats
    ? new SharedHeartbeat(new RedisBeats(connection))
    : undefined;
  return {
    nonces: new RedisNonceStore(connection),
    budgets: new RedisBudgetStore(connection),
    objects: new RedisObjectStore(connection),
    ready: heartbeat?.ready,
    close() {
      heartbeat?.stop();
      connection.close();
      return Promise.resolve();
    },
  };
}
