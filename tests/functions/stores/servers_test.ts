/** What Redis and Postgres servers can do to a state, each in its own way. */
import assert from "node:assert/strict";
import { createClient } from "@redis/client";
import postgres from "postgres";
import { SharedHeartbeat } from "../../../functions/stores/shared_heartbeat.ts";
import { PostgresConnection } from "../../../functions/stores/postgres/connection.ts";
import { PostgresBeats } from "../../../functions/stores/postgres/state.ts";
import { PostgresNonceStore } from "../../../functions/stores/postgres/spent_tokens.ts";
import { RedisConnection } from "../../../functions/stores/redis/connection.ts";
import {
  openRedisState,
  RedisBeats,
} from "../../../functions/stores/redis/state.ts";
import { RedisNonceStore } from "../../../functions/stores/redis/spent_tokens.ts";
import { rememberSharedMs } from "../../../functions/stores/spent_tokens.ts";
import {
  freshDatabase,
  hasPostgres,
  hasRedis,
  password,
  startRedis,
} from "../../support/databases.ts";

const notice = () => {};
const hourMs = 60 * 60_000;
const refused = { code: "server-fault", retryable: true };
const apart = ["the clocks of instances differ by more than 30 s"];

/** A client of the test's own. */
async function redisClient(url: string) {
  const client = createClient({ url });
  client.on("error", () => {});
  await client.connect();
  return client;
}

/** What a token is spent on, once the server takes it. */
async function untilTaken(
  store: RedisNonceStore,
  token: string,
  request: string,
): Promise<string> {
  for (;;) {
    const held = await store.spend(token, request, 0).catch(() => null);
    if (held !== null) return held;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

interface Board {
  beats: RedisBeats | PostgresBeats;
  /** Has all beats be older. */
  age(): Promise<unknown>;
  close(): Promise<void> | void;
}

const boards: Record<string, { ignore: boolean; open: () => Promise<Board> }> =
  {
    Redis: {
      ignore: !hasRedis,
      async open() {
        const url = await freshDatabase("redis");
        const connection = await RedisConnection.open({ url, notice });
        const client = await redisClient(url);
        const key = "cipherlayer:instances";
        return {
          beats: new RedisBeats(connection),
          async age() {
            for (
              const [id, beat] of Object.entries(await client.hGetAll(key))
            ) {
              const [ahead, at] = beat.split(" ");
              await client.hSet(key, id, `${ahead} ${Number(at) - 15_001}`);
            }
          },
          close() {
            client.destroy();
            connection.close();
          },
        };
      },
    },
    Postgres: {
      ignore: !hasPostgres,
      async open() {
        const url = await freshDatabase("postgres");
        const connection = new PostgresConnection({ url, notice });
        const sql = postgres(url, { max: 1 });
        return {
          beats: new PostgresBeats(connection),
          age: () =>
            sql`UPDATE cipherlayer_instance SET at = at - interval '15001 ms'`,
          async close() {
            await sql.end();
            await connection.close();
          },
        };
      },
    },
  };

for (const [name, { ignore, open }] of Object.entries(boards)) {
  Deno.test({
    name:
      `${name}: instances whose clocks differ by more than 30 s are not ready, until one has ended`,
    ignore,
    async fn() {
      const board = await open();
      for (const differenceMs of [20_000, -20_000, 40_000, -40_000]) {
        const expected = Math.abs(differenceMs) > 30_000 ? apart : [];
        const here = new SharedHeartbeat(board.beats, { id: "here" });
        const there = new SharedHeartbeat(board.beats, {
          id: "there",
          clock: () => Date.now() + differenceMs,
        });
        await Promise.all([here.ready(), there.ready()]);
        assert.deepEqual(await here.beat(), expected);
        assert.deepEqual(await there.beat(), expected);
        there.stop();
        // Nobody's clock but the server's decides that it has ended.
        await board.age();
        assert.deepEqual(await here.beat(), []);
        here.stop();
        await board.age();
      }
      await board.close();
    },
  });
}

Deno.test({
  name: "Redis: the server's clock decides when a token is forgotten",
  ignore: !hasRedis,
  async fn() {
    const url = await freshDatabase("redis");
    const connection = await RedisConnection.open({ url, notice });
    const client = await redisClient(url);
    const store = new RedisNonceStore(connection);
    // Of a clock that is years behind, or right, or a day ahead.
    for (const aheadMs of [-1e11, hourMs, 24 * hourMs]) {
      const token = `${aheadMs}`;
      await store.spend(token, "r", Date.now() + aheadMs);
      await store.spend(token, "r", Date.now() + aheadMs);
      const keptMs = await client.pTTL(`cipherlayer:spent:${token}`);
      const expectedMs = Math.max(0, aheadMs) + rememberSharedMs;
      assert.ok(keptMs <= expectedMs && keptMs > expectedMs - hourMs, token);
    }
    client.destroy();
    connection.close();
  },
});

Deno.test({
  name:
    "Postgres: what has served is swept by the server's clock, and nothing else",
  ignore: !hasPostgres,
  async fn() {
    const url = await freshDatabase("postgres");
    const connection = new PostgresConnection({ url, notice });
    const sql = postgres(url, { max: 1 });
    const store = new PostgresNonceStore(connection);
    await store.spend("over", "first", 0);
    await store.spend("not over", "first", 0);
    const [{ hours }] = await sql`
      SELECT extract(epoch FROM until - now()) / 3600 AS hours
      FROM cipherlayer_spent WHERE token = 'not over'`;
    assert.ok(Number(hours) > 23 && Number(hours) <= 24);
    await sql`UPDATE cipherlayer_spent SET until = now() - interval '1 s'
      WHERE token = 'over'`;
    assert.equal(await store.spend("over", "second", 0), "first");
    for (let i = 0; i < 100; i++) await store.spend("other", "r", 0);
    assert.equal(await store.spend("over", "second", 0), "second");
    assert.equal(await store.spend("not over", "second", 0), "first");
    await sql.end();
    await connection.close();
  },
});

Deno.test({
  name: "Redis: a server that makes room by forgetting is not ready",
  ignore: !hasRedis,
  async fn() {
    const url = await freshDatabase("redis");
    const client = await redisClient(url);
    const state = await openRedisState({ url, notice }, { beats: false });
    const connection = await RedisConnection.open({ url, notice });
    const beat = async () =>
      (await new RedisBeats(connection).beat("here", Date.now())).reasons;
    assert.deepEqual(await beat(), []);
    await client.configSet("maxmemory-policy", "allkeys-lru");
    assert.deepEqual(await beat(), []);
    await client.configSet("maxmemory", `${2 ** 30}`);
    assert.deepEqual(await beat(), [
      "the database forgets what it should keep: expected maxmemory-policy noeviction",
    ]);
    await client.configSet("maxmemory-policy", "noeviction");
    assert.deepEqual(await beat(), []);
    // A full one takes nothing, and forgets nothing.
    await state.nonces.spend("token", "first", 0);
    await client.configSet("maxmemory", "1");
    await assert.rejects(state.nonces.spend("other", "r", 0), refused);
    await client.configSet("maxmemory", "0");
    assert.equal(await state.nonces.spend("token", "second", 0), "first");
    client.destroy();
    connection.close();
    await state.close();
  },
});

Deno.test({
  name: "Postgres: a server that may lose what it has answered is refused",
  ignore: !hasPostgres,
  async fn() {
    const url = await freshDatabase("postgres");
    const sql = postgres(url, { max: 1 });
    const name = new URL(url).pathname.slice(1);
    await sql.unsafe(`ALTER DATABASE ${name} SET synchronous_commit = off`);
    const said: string[] = [];
    const connection = new PostgresConnection({
      url,
      notice: (message) => said.push(message),
    });
    const store = new PostgresNonceStore(connection);
    await assert.rejects(store.spend("t", "r", 0), refused);
    assert.match(said[0], /synchronous_commit is off/);
    await sql.end();
    await connection.close();
  },
});

Deno.test({
  name:
    "Redis: a server that stops answering is given up in seconds, and used again when it answers",
  ignore: !hasRedis,
  async fn() {
    await using server = await startRedis();
    const said: string[] = [];
    const connection = await RedisConnection.open({
      url: server.url,
      notice: (message) => said.push(message),
    });
    const store = new RedisNonceStore(connection);
    await store.spend("token", "first", 0);
    Deno.kill(server.pid(), "SIGSTOP");
    await assert.rejects(store.spend("token", "second", 0), refused);
    Deno.kill(server.pid(), "SIGCONT");
    assert.equal(await untilTaken(store, "token", "second"), "first");
    assert.equal(said.length, 2);
    connection.close();
  },
});

Deno.test({
  name:
    "Redis: with a replica asked for, a token survives the primary, and none is spent that the replica lacks",
  ignore: !hasRedis,
  async fn() {
    await using primary = await startRedis();
    const { port } = new URL(primary.url);
    await using replica = await startRedis([
      "--replicaof",
      `127.0.0.1 ${port}`,
    ]);
    const connection = await RedisConnection.open({
      url: primary.url,
      replicas: 1,
      notice,
    });
    const store = new RedisNonceStore(connection);
    assert.equal(await untilTaken(store, "token", "first"), "first");
    Deno.kill(replica.pid(), "SIGSTOP");
    await assert.rejects(store.spend("late", "first", 0), refused);
    // Held already, and yet not by the replica.
    await assert.rejects(store.spend("late", "first", 0), refused);
    Deno.kill(replica.pid(), "SIGCONT");
    assert.equal(await untilTaken(store, "late", "second"), "first");
    await primary.kill();
    const client = await redisClient(replica.url);
    await client.sendCommand(["REPLICAOF", "NO", "ONE"]);
    const promoted = await RedisConnection.open({ url: replica.url, notice });
    const after = new RedisNonceStore(promoted);
    assert.equal(await after.spend("token", "other", 0), "first");
    assert.equal(await after.spend("late", "other", 0), "first");
    client.destroy();
    promoted.close();
    connection.close();
  },
});

Deno.test({
  name: "Redis: a server that only reads is a retryable fault",
  ignore: !hasRedis,
  async fn() {
    const primary = new URL(await freshDatabase("redis"));
    await using replica = await startRedis([
      "--replicaof",
      `127.0.0.1 ${primary.port}`,
      ...["--databases", "1000"],
    ]);
    const connection = await RedisConnection.open({ url: replica.url, notice });
    const store = new RedisNonceStore(connection);
    await assert.rejects(store.spend("t", "r", 0), refused);
    connection.close();
    assert.equal(primary.password, password);
  },
});
