import assert from "node:assert/strict";
import { BankCache } from "../../../../functions/rounds/privacy/bank_cache.ts";
import { bankGroups } from "../../../../functions/rounds/privacy/randomisers.ts";
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
  assert(groups[0] >= 9);
  // 6 tables of 2^13 or 2^14 entries.
  assert.equal(groups.at(-1), 6);
});

Deno.test("a bank is made once, again for larger batches, and forgotten when memory is short", async () => {
  const cache = new BankCache(selectKernel(), sealingKey, 0);
  const bank = await cache.get(n, 5);
  assert.equal(await cache.get(n, 1), bank);
  const larger = await cache.get(n, 200);
  assert(larger.bytes > bank.bytes);
  assert.equal(await cache.get(n, 5), larger);
  await cache.get(other, 5);
  assert.notEqual(await cache.get(n, 200), larger);

  const roomy = new BankCache(selectKernel(), sealingKey, 2 ** 30);
  const kept = await roomy.get(n, 5);
  await roomy.get(other, 5);
  assert.equal(await roomy.get(n, 5), kept);
});
