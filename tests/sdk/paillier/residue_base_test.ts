import assert from "node:assert/strict";
import { modPower } from "../../../sdk/paillier/public/modular.ts";
import { Pacer } from "../../../sdk/support/pacing.ts";
import { residueBases } from "../../../sdk/paillier/private/residue_base.ts";
import { platformRandom } from "../../../sdk/support/random.ts";
import { multiPrimeKey, testKey } from "../../vectors/keys.ts";

Deno.test("a base is an N-th residue that misses no small part of the group", async () => {
  for (const key of [testKey(512), multiPrimeKey(768)]) {
    const primes = key.exportPrimes();
    const bases = await residueBases(primes, platformRandom, new Pacer());
    assert.equal(bases.length, primes.length);
    for (const [index, prime] of primes.entries()) {
      const base = bases[index], square = prime * prime;
      assert.equal(modPower(base, prime - 1n, square), 1n);
      // Every divisor below 10,000, by plain division.
      let divisors = 0;
      for (let divisor = 2n; divisor < 10_000n; divisor++) {
        if ((prime - 1n) % divisor !== 0n) continue;
        const part = modPower(base, (prime - 1n) / divisor, square);
        assert.notEqual(part, 1n, `${divisor}`);
        divisors++;
      }
      assert.ok(divisors >= 1);
    }
  }
});

Deno.test("a prime with many small factors still gets a generator", async () => {
  // p - 1 = 2 * 3 * 5 * 7 * 11 * 13 * 17 * 19 * 23 * ...: no random number has
  // full order but one in six.
  let product = 1n;
  for (const factor of [2n, 3n, 5n, 7n, 11n, 13n, 17n, 19n, 23n, 29n, 31n]) {
    product *= factor;
  }
  // 200560490131 is the primorial prime 31# + 1.
  const p = product + 1n, q = 4n * 1009n + 3n;
  assert.equal(p, 200560490131n);
  const [base] = await residueBases(
    [p, q],
    platformRandom,
    new Pacer(),
  );
  for (const factor of [2n, 3n, 5n, 7n, 11n, 13n, 17n, 19n, 23n, 29n, 31n]) {
    assert.notEqual(modPower(base, product / factor, p * p), 1n);
  }
});
