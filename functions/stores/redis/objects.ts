/**
 * Objects in Redis: the models that owners upload, in the memory of the server.
 *
 * @module
 */
import { encodeHex } from "@std/encoding/hex";
import { platformRandom } from "../../../sdk/support/random.ts";
import {
  checkObjectKey,
  type ObjectStore,
  type StoredObject,
} from "../object_store.ts";
import type { RedisConnection } from "./connection.ts";
import { prefix } from "./scripts.ts";

const tagBytes = 12;
/** All keys, in the order of their bytes: each score is 0. */
const indexKey = `${prefix}objects`;

/** Arguments: key, content, new tag; whether there is a condition, and the tag it wants. */
const put = `
local tag = redis.call('HGET', KEYS[1], 'tag') or ''
if ARGV[4] == '1' and tag ~= ARGV[5] then return 0 end
redis.call('HSET', KEYS[1], 'content', ARGV[2], 'tag', ARGV[3])
redis.call('ZADD', KEYS[2], 0, ARGV[1])
return 1`;

const remove = `
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])`;

const get = `return redis.call('HMGET', KEYS[1], 'content', 'tag')`;

/** Arguments: first key, first key after, and what comes before keys of contents. */
const list = `
local found = {}
local keys = redis.call('ZRANGEBYLEX', KEYS[1], '[' .. ARGV[1], '(' .. ARGV[2])
for _, key in ipairs(keys) do
  table.insert(found, key)
  table.insert(found, redis.call('HSTRLEN', ARGV[3] .. key, 'content'))
end
return found`;

/** In Redis, whole: `maxmemory` must leave room for every version that is kept. */
export class RedisObjectStore implements ObjectStore {
  readonly #connection: RedisConnection;

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  async get(key: string): Promise<StoredObject | null> {
    const [content, tag] = await this.#connection.readBytes<
      (Uint8Array | null)[]
    >({ script: get, keys: [contentKey(key)], args: [] });
    if (!content || !tag) return null;
    return {
      bytes: new Uint8Array(content),
      tag: new TextDecoder().decode(tag),
    };
  }

  async put(
    key: string,
    bytes: Uint8Array,
    onlyIf?: string | null,
  ): Promise<boolean> {
    const isPut = await this.#connection.write<number>({
      script: put,
      keys: [contentKey(key), indexKey],
      args: [
        key,
        bytes,
        encodeHex(platformRandom(tagBytes)),
        onlyIf === undefined ? 0 : 1,
        onlyIf ?? "",
      ],
    });
    return isPut === 1;
  }

  async list(keyPrefix: string): Promise<Map<string, number>> {
    const found = await this.#connection.read<(string | number)[]>({
      script: list,
      keys: [indexKey],
      // 0 follows / in ASCII.
      args: [keyPrefix, keyPrefix.replace(/\/$/, "0"), contentKey()],
    });
    const sizes = new Map<string, number>();
    for (let i = 0; i < found.length; i += 2) {
      sizes.set(String(found[i]), Number(found[i + 1]));
    }
    return sizes;
  }

  async delete(key: string): Promise<void> {
    await this.#connection.write({
      script: remove,
      keys: [contentKey(key), indexKey],
      args: [key],
    });
  }
}

function contentKey(key?: string): string {
  if (key === undefined) return `${prefix}object:`;
  checkObjectKey(key);
  return `${prefix}object:${key}`;
}
