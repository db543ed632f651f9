/** What instances rely on that share a state, the same whatever keeps it. */
import assert from "node:assert/strict";
import { openKvState } from "../../../functions/stores/kv_state.ts";
import type { SharedState } from "../../../functions/stores/shared_state.ts";
import { Settings } from "../../../functions/settings/settings.ts";
import { openState } from "../../../functions/settings/state.ts";
import {
  type DatabaseServer,
  freshDatabase,
  hasPostgres,
  hasRedis,
  startPostgres,
  startRedis,
} from "../../support/databases.ts";
import { startLineProcess } from "../../support/line_process.ts";
import type { Task } from "./state_process.ts";

interface Kind {
  ignore: boolean;
  /** An empty database, as a setting names it. */
  open(): Promise<{ where: string } & AsyncDisposable>;
  /** A server that can be ended. */
  server?: () => Promise<DatabaseServer>;
}

const onServer = (kind: "redis" | "postgres") => async () => ({
  where: await freshDatabase(kind),
  [Symbol.asyncDispose]: () => Promise.resolve(),
});

const kinds: Record<string, Kind> = {
  "Deno KV": {
    ignore: false,
    async open() {
      const folder = await Deno.makeTempDir();
      return {
        where: `kv:${folder}/kv`,
        [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
      };
    },
  },
  Redis: { ignore: !hasRedis, open: onServer("redis"), server: startRedis },
  Postgres: {
    ignore: !hasPostgres,
    open: onServer("postgres"),
    server: startPostgres,
  },
};

const hourMs = 60 * 60_000;
const later = () => Date.now() + hourMs;
const names = (count: number) =>
  Array.from({ length: count }, (_, i) => `token ${i}`);

async function open(where: string): Promise<SharedState> {
  const settings = new Settings({ CIPHERLAYER_STATE: where }, "deno");
  const role = { isListener: false, openKv: openKvState };
  return (await openState(settings, role))!;
}

/** Two processes that share a state, each told to do something at the same time. */
async function withProcesses(
  where: string,
  work: (both: (task: (i: number) => Task) => Promise<unknown[]>) => unknown,
): Promise<void> {
  const module = new URL("./state_process.ts", import.meta.url);
  const env = { CIPHERLAYER_STATE: where };
  await using first = await startLineProcess(module, env);
  await using second = await startLineProcess(module, env);
  await work((task) =>
    Promise.all([first, second].map((each, i) => each.ask(task(i))))
  );
}

/** Asks until the database is there again. */
async function untilBack<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      assert.equal((error as { code: string }).code, "server-fault");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

for (
  const [name, { ignore, open: openEmpty, server }] of Object.entries(kinds)
) {
  const test = (what: string, fn: () => Promise<void>) =>
    Deno.test({ name: `${name}: ${what}`, ignore, fn });

  test("of two processes that spend a token at once exactly one wins, and no budget is passed", async () => {
    await using empty = await openEmpty();
    const { where } = empty;
    await withProcesses(where, async (both) => {
      const spend = names(40);
      const [a, b] = await both((i) => ({ spend, request: `request ${i}` }));
      assert.deepEqual(a, b);
      const charge = [
        { window: "narrow", limit: 60 },
        { window: "wide", limit: 1000 },
      ];
      const passed = await both(() => ({ charge, times: 50 })) as number[];
      assert.equal(passed[0] + passed[1], 60);
    });
    // What was refused for one window has been charged to none.
    const state = await open(where);
    const wide = { window: "wide", limit: 1000, endsAt: later(), keepMs: 1 };
    assert.equal(await state.budgets!.charge([wide], 941, 0), wide);
    assert.equal(await state.budgets!.charge([wide], 940, 0), null);
    await state.close();
  });

  test("charges of the same windows in other orders do not wait for each other for ever", async () => {
    await using empty = await openEmpty();
    const state = await open(empty.where);
    const window = (name: string) => ({
      window: name,
      limit: 30,
      endsAt: later(),
      keepMs: 1,
    });
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, i) => {
        const charges = [window("a"), window("b"), window("c")];
        return state.budgets!.charge(i % 2 ? charges : charges.reverse(), 1, 0);
      }),
    );
    assert.equal(results.filter((over) => over === null).length, 30);
    await state.close();
  });

  test("a token stays spent a day after its expiry, whatever its expiry was", async () => {
    await using empty = await openEmpty();
    const state = await open(empty.where);
    for (const expiresAt of [0, Date.now() - hourMs, later(), 1e15]) {
      const token = `expires at ${expiresAt}`;
      await state.nonces.spend(token, "first", expiresAt);
      assert.equal(await state.nonces.spend(token, "second", 0), "first");
    }
    await state.close();
  });

  if (!server) continue;

  test("a server that crashes in the middle forgets nothing; while it is away every call is refused, to be tried again", async () => {
    await using started = await server();
    const state = await open(started.url);
    const window = { window: "w", limit: 2, endsAt: later(), keepMs: 1 };
    await withProcesses(started.url, async (both) => {
      const spend = names(60);
      await state.nonces.spend(spend[0], "before", later());
      const spent = both((i) => ({
        retry: true,
        spend,
        request: `request ${i}`,
      }));
      await started.kill();
      const refused = { code: "server-fault", retryable: true };
      await assert.rejects(state.nonces.spend("t", "r", later()), refused);
      await assert.rejects(state.budgets!.charge([window], 1, 0), refused);
      await assert.rejects(state.objects!.get("models/a"), refused);
      await assert.rejects(
        state.objects!.put("models/a", new Uint8Array(1)),
        refused,
      );
      await assert.rejects(state.objects!.list("models/"), refused);
      await assert.rejects(state.objects!.delete("models/a"), refused);
      await started.start();
      const [a, b] = await spent as string[][];
      assert.deepEqual(a, b);
      assert.equal(a[0], "before");
    });
    assert.equal(
      await untilBack(() => state.nonces.spend("t", "r", later())),
      "r",
    );
    await state.close();
  });

  test("no password is told: not in notices, not in errors, not of a state", async () => {
    const said: string[] = [];
    const write = console.error;
    console.error = (...words: unknown[]) => void said.push(words.join(" "));
    try {
      const secret = "an-other-password";
      const at = new URL(await freshDatabase(started(name)));
      at.password = secret;
      const settings = new Settings({ CIPHERLAYER_STATE: at.href }, "deno");
      const state = (await openState(settings, { isListener: true }))!;
      const error = await state.nonces.spend("t", "r", 0).catch((e) => e);
      assert.deepEqual(await state.ready!(), ["the database cannot be used"]);
      assert.match(
        said.join("\n"),
        /^.*The database cannot be used \((WRONGPASS|28P01)\)/,
      );
      for (const text of [...said, Deno.inspect(error), Deno.inspect(state)]) {
        assert.ok(!text.includes(secret), text);
      }
      await state.close();
    } finally {
      console.error = write;
    }
  });
}

function started(name: string): "redis" | "postgres" {
  return name === "Redis" ? "redis" : "postgres";
}

Deno.test("an address that makes no sense is refused at the start, and not repeated", async () => {
  const refused = async (where: string, expected: RegExp) => {
    await assert.rejects(open(where), (error: Error) => {
      assert.match(error.message, /^Cannot use CIPHERLAYER_STATE: /);
      assert.match(error.message, expected);
      assert.ok(!error.message.includes("secret"), error.message);
      return error instanceof RangeError;
    });
  };
  const kinds = /expected kv:PATH, folder:PATH, redis:\/\/HOST or postgres:/;
  await refused("mysql://user:secret@host/db", kinds);
  await refused("secret", kinds);
  await refused("folder:", kinds);
  await refused("redis://:secret@host:99999", /expected an address such as/);
  await refused(
    "postgres://u:secret@host:99999/x?sslmode=%",
    /expected an address/,
  );
  await assert.rejects(
    openState(
      new Settings({
        CIPHERLAYER_STATE: "postgres://host/db",
        CIPHERLAYER_STATE_REPLICAS: "1",
      }, "deno"),
      { isListener: false },
    ),
    /Cannot use CIPHERLAYER_STATE_REPLICAS: expected redis:/,
  );
});
