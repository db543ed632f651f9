import assert from "node:assert/strict";
import { BankCache } from "../../../../functions/rounds/privacy/bank_cache.ts";
import { DirectRandomiser } from "../../../../functions/rounds/privacy/direct_randomiser.ts";
import { baseCount } from "../../../../functions/rounds/privacy/key_bases.ts";
import {
  bankBytes,
  bankGroups,
  RandomiserBank,
} from "../../../../functions/rounds/privacy/randomisers.ts";
import { selectKernel } from "../../../../sdk/paillier/public/select_kernel.ts";
import { testKey } from "../../../vectors/keys.ts";

const sealingKey = new Uint8Array(32).fill(3);
const [n, other] = [512, 1024].map((bits) =>
  testKey(bits as 512 | 1024).publicKey.modulus
);

Deno.test("large batches repay large tables, within bounds", () => {
  const groups = [5, 50, 200, 1000, 10_000, 1e6].map((answers) =>
    bankGroups(answers, 2048)
  );
  assert.deepEqual(groups, groups.toSorted((a, b) => b - a));
  assert(groups[0] >= 20);
  // 14 tables of 2^12 entries.
  assert.equal(groups.at(-1), 14);
});

Deno.test("a bank is made once, again for larger batches, and forgotten when memory is short", async () => {
  const cache = new BankCache(selectKernel(), sealingKey, 0);
  const bank = await cache.bank(n, 5);
  assert.equal(await cache.bank(n, 1), bank);
  const larger = await cache.bank(n, 200);
  assert(larger.bytes > bank.bytes);
  assert.equal(await cache.bank(n, 5), larger);
  await cache.bank(other, 5);
  assert.notEqual(await cache.bank(n, 200), larger);

  const roomy = new BankCache(selectKernel(), sealingKey, 2 ** 30);
  const kept = await roomy.bank(n, 5);
  await roomy.bank(other, 5);
  assert.equal(await roomy.bank(n, 5), kept);
});

Deno.test("banks are built one at a time, within memory", async () => {
  const one = bankBytes(selectKernel(), bankGroups(5, 512), 512);
  const cache = new BankCache(selectKernel(), sealingKey, 2 * one);
  const moduli = [0n, 2n, 4n, 6n].map((more) => n + more);
  const done: bigint[] = [];
  const built = moduli.map(async (modulus) => {
    await cache.bank(modulus, 5);
    done.push(modulus);
    assert(cache.bytes <= 2 * one, `${cache.bytes}`);
  });
  assert.equal(cache.bytes, one);
  await Promise.all(built);
  assert.deepEqual(done, moduli);
});

Deno.test("a key whose bank was evicted begins again without one", async () => {
  const cache = new BankCache(selectKernel(), sealingKey, 0);
  const many = { answers: 50, count: baseCount(1024) + 1 };
  assert(await cache.randomiser(n, many) instanceof RandomiserBank);
  assert(await cache.randomiser(other, many) instanceof RandomiserBank);
  const again = await cache.randomiser(n, { answers: 50, count: 1 });
  assert(again instanceof DirectRandomiser);
});

Deno.test("a key's first answers need no bank: strangers who come once cost no memory", async () => {
  const cache = new BankCache(selectKernel(), sealingKey, 2 ** 30);
  const half = baseCount(512) / 2;
  for (let i = 0n; i < 100n; i++) {
    await cache.randomiser(n + 2n * i, { answers: 50, count: half });
  }
  assert.equal(cache.bytes, 0);
  const second = await cache.randomiser(n, { answers: 50, count: half });
  assert(second instanceof DirectRandomiser);
  assert.equal(cache.bytes, 0);
  // From here on a bank repays itself.
  const third = await cache.randomiser(n, { answers: 50, count: 1 });
  assert(third instanceof RandomiserBank);
  assert.equal(await cache.randomiser(n, { answers: 50, count: 1 }), third);
  // A call of many answers repays it at once.
  assert(
    await cache.randomiser(other, {
      answers: 50,
      count: baseCount(1024) + 1,
    }) instanceof
      RandomiserBank,
  );
});
