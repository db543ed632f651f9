import assert from "node:assert/strict";
import { bitLength } from "../../../sdk/paillier/public/big_integer.ts";
import {
  defaultPrimes,
  generatePrivateKey,
} from "../../../sdk/paillier/private/key_generation.ts";
import { gcd } from "../../../sdk/paillier/public/modular.ts";
import { isProbablePrime } from "../../../sdk/paillier/private/primes.ts";
import {
  primesBelow,
  SmallPrimes,
} from "../../../sdk/paillier/public/small_primes.ts";
import { wasmKernel } from "../../../sdk/paillier/wasm/kernel_wasm.ts";
import { areSpecial } from "../../../sdk/paillier/private/private_key.ts";
import { multiPrimeKey, testKey } from "../../vectors/keys.ts";

const shapes: [
  bits: number,
  primes: 2 | 3 | 4 | undefined,
  lengths: number[],
][] = [
  [400, undefined, [200, 200]],
  [402, 2, [201, 201]],
  [512, undefined, [256, 256]],
  [514, undefined, [257, 257]],
  [600, 3, [200, 200, 200]],
  [602, 3, [200, 201, 201]],
  [604, 3, [201, 201, 202]],
  [800, 4, [200, 200, 200, 200]],
  [802, 4, [200, 200, 201, 201]],
  [1024, 4, [256, 256, 256, 256]],
  [2048, 2, [1024, 1024]],
  [2048, undefined, [682, 683, 683]],
];
for (const [bits, count, lengths] of shapes) {
  const kind = `${count ?? "the default number of"} primes`;
  Deno.test(`a generated key of ${bits} bits and ${kind} has the promised primes and exact length`, async () => {
    // Short ones more often: each has other chances to miss its length.
    for (let i = 0; i < (bits < 500 ? 20 : bits < 2048 ? 3 : 1); i++) {
      const options = { insecure: true, primes: count };
      const key = await generatePrivateKey(bits, options);
      const primes = key.exportPrimes();
      const product = primes.reduce((product, prime) => product * prime);
      assert.equal(key.publicKey.modulusBits, bits);
      assert.equal(key.publicKey.modulus, product);
      assert.deepEqual(primes.map(bitLength), lengths);
      for (const [i, p] of primes.entries()) {
        assert.equal(p % 4n, 3n);
        assert.ok(isProbablePrime(p));
        for (const q of primes.slice(0, i)) {
          assert.equal(gcd(p - 1n, q - 1n), 2n);
        }
      }
      // Short exponents rest on the two primes of Damgard, Jurik and Nielsen.
      assert.equal(key.publicKey.specialPrimes, primes.length === 2);
    }
  });
}

Deno.test("computes with the shortest key that can be generated", async () => {
  for (const [bits, primes] of [[400, 2], [600, 3], [800, 4]] as const) {
    const key = await generatePrivateKey(bits, { insecure: true, primes });
    for (const prime of key.exportPrimes()) {
      assert.doesNotThrow(() => wasmKernel.open([prime, prime], 4));
    }
  }
});

Deno.test("new keys have two primes below 2048 bits, three from there, four from 4096", () => {
  const lengths = [512, 2046, 2048, 3072, 4094, 4096, 8192];
  assert.deepEqual(lengths.map(defaultPrimes), [2, 2, 3, 3, 3, 4, 4]);
});

Deno.test("fixed test keys have the promised primes", () => {
  for (const bits of [512, 1024, 2048] as const) {
    const key = testKey(bits);
    const [p, q] = key.exportPrimes();
    assert.equal(key.publicKey.modulusBits, bits);
    assert.ok(key.publicKey.specialPrimes);
    assert.ok(isProbablePrime(p) && isProbablePrime(q));
  }
  for (const bits of [768, 1024, 2048] as const) {
    const key = multiPrimeKey(bits);
    assert.equal(key.publicKey.modulusBits, bits);
    assert.ok(areSpecial(key.exportPrimes()));
    assert.ok(key.exportPrimes().every((p) => isProbablePrime(p)));
  }
});

Deno.test("refuses short and odd lengths and too many primes with the reason", async () => {
  await assert.rejects(generatePrivateKey(1024), /factored/);
  await assert.rejects(generatePrivateKey(2049), RangeError);
  await assert.rejects(generatePrivateKey(Number.NaN), RangeError);
  // Kernels compute modulo each prime, and with none that is shorter.
  for (
    const [bits, primes, minBits] of [
      [398, 2, 400],
      [512, 3, 600],
      [598, 3, 600],
      [798, 4, 800],
    ] as const
  ) {
    await assert.rejects(
      generatePrivateKey(bits, { insecure: true, primes }),
      new RegExp(`${minBits} to 8192 bits for ${primes} primes, got ${bits}`),
    );
  }
  for (const [bits, primes] of [[2048, 4], [3072, 4], [4094, 4]] as const) {
    await assert.rejects(
      generatePrivateKey(bits, { primes }),
      /found one by one/,
    );
  }
  for (const primes of [0, 1, 5, 2.5, Number.NaN]) {
    await assert.rejects(
      generatePrivateKey(2048, { primes: primes as 2 }),
      /2, 3 or 4 primes/,
    );
  }
});

Deno.test("key generation stops when its signal aborts", async () => {
  const early = AbortSignal.abort(new Error("early"));
  await assert.rejects(generatePrivateKey(2048, { signal: early }), /early/);
  const controller = new AbortController();
  const pending = generatePrivateKey(8192, { signal: controller.signal });
  setTimeout(() => controller.abort(new Error("enough")), 0);
  await assert.rejects(pending, /enough/);
});

Deno.test("the same randomness gives the same key", async () => {
  const make = () => {
    let state = 1;
    return generatePrivateKey(512, {
      insecure: true,
      random: (length) =>
        Uint8Array.from({ length }, () => {
          state = Math.imul(state, 1103515245) + 12345 & 0x7fffffff;
          return state >> 16;
        }),
    });
  };
  const [a, b] = [await make(), await make()];
  assert.equal(a.publicKey.modulus, b.publicKey.modulus);
});

Deno.test("isProbablePrime agrees with the sieve and knows hard composites", () => {
  const sieved = new Set(primesBelow(20_000));
  for (let n = 0; n < 20_000; n++) {
    assert.equal(isProbablePrime(BigInt(n)), sieved.has(n), String(n));
  }
  const composites = [
    // Carmichael numbers, one of them the product of three large primes.
    561n,
    3215031751n,
    3825123056546413051n,
    // Strong pseudoprime to the first 12 prime bases (Sorenson and Webster).
    318665857834031151167461n,
    ((1n << 61n) - 1n) * ((1n << 61n) - 1n),
    ((1n << 127n) - 1n) * ((1n << 89n) - 1n),
  ];
  for (const n of composites) assert.equal(isProbablePrime(n), false);
  for (const exponent of [61n, 89n, 107n, 127n, 521n, 607n]) {
    assert.ok(isProbablePrime((1n << exponent) - 1n));
  }
});

Deno.test("SmallPrimes finds every small divisor", () => {
  const primes = new SmallPrimes(1 << 12);
  const value = 3n * 3n * 1009n * 4093n * ((1n << 127n) - 1n);
  assert.deepEqual([...primes.divisorsOf(value)], [3, 1009, 4093]);
  assert.equal(primes.divideAny((1n << 127n) - 1n), false);
  assert.equal(primes.divideAny(4099n), false);
});
