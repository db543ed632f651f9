import assert from "node:assert/strict";
import { KvNonceStore } from "../../../functions/stores/kv_spent_tokens.ts";
import {
  MemoryNonceStore,
  type NonceStore,
  rememberMs,
  rememberSharedMs,
  spendToken,
} from "../../../functions/stores/spent_tokens.ts";
import { clockToleranceMs } from "../../../functions/rounds/sealed_token.ts";

const later = () => Date.now() + 60_000;

/** Stores that two instances of the functions would use. */
async function* stores(): AsyncGenerator<[string, NonceStore]> {
  yield ["memory", new MemoryNonceStore()];
  using kv = await Deno.openKv(":memory:");
  yield ["Deno KV", new KvNonceStore(kv)];
}

Deno.test("a token is spent on one request, which may come again", async () => {
  for await (const [name, store] of stores()) {
    const token = crypto.getRandomValues(new Uint8Array(40));
    const request = Uint8Array.of(1, 2, 3), other = Uint8Array.of(1, 2, 4);
    await spendToken(store, token, request, later());
    await spendToken(store, token, request, later());
    await assert.rejects(
      spendToken(store, token, other, later()),
      { code: "token-spent" },
      name,
    );
    await spendToken(store, token.with(0, token[0] ^ 1), other, later());
  }
});

Deno.test("one of many simultaneous requests wins", async () => {
  for await (const [name, store] of stores()) {
    const results = await Promise.all(
      Array.from(
        { length: 50 },
        (_, i) => store.spend("token", `request ${i}`, later()),
      ),
    );
    assert.equal(new Set(results).size, 1, name);
  }
});

Deno.test("memory is bounded by what has not expired", async () => {
  let now = 0;
  const store = new MemoryNonceStore(() => now);
  await store.spend("old", "first", 10);
  now = 11 + rememberMs;
  for (let i = 0; i < 1100; i++) await store.spend(`${i}`, "r", 1e9);
  assert.equal(await store.spend("old", "second", 1e9), "second");
  assert.equal(await store.spend("0", "second", 1e9), "r");
});

Deno.test("a token stays spent for as long as any instance takes it", async () => {
  const expiresAt = 1e12;
  let now = expiresAt;
  const clock = () => now;
  using kv = await Deno.openKv(":memory:");
  const memory = new MemoryNonceStore(clock);
  const stores = [
    ["memory", memory, rememberMs],
    ["Deno KV", new KvNonceStore(kv, clock), rememberSharedMs],
  ] as const;
  for (const [name, store, keptMs] of stores) {
    assert(keptMs > clockToleranceMs);
    now = expiresAt;
    await store.spend("token", "first", expiresAt);
    const spendOthers = async () => {
      for (let i = 0; i < 1100; i++) {
        await store.spend(`${now} ${i}`, "r", now + 1e6);
      }
    };
    now = expiresAt + keptMs - 1;
    await spendOthers();
    assert.equal(
      await store.spend("token", "second", expiresAt),
      "first",
      name,
    );
    now = expiresAt + keptMs + 1;
    await spendOthers();
    assert.equal(await store.spend("token", "third", expiresAt), "third", name);
  }
});
