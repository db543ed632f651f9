import assert from "node:assert/strict";
import fc from "fast-check";
import * as oracle from "paillier-bigint";
import {
  bigIntFromBytes,
  bytesFromBigInt,
} from "../../../sdk/paillier/public/big_integer.ts";
import type { Kernel } from "../../../sdk/paillier/public/kernel.ts";
import { bigIntKernel } from "../../../sdk/paillier/public/kernel_bigint.ts";
import { PaillierEngine } from "../../../sdk/paillier/private/paillier_engine.ts";
import { modPower } from "../../../sdk/paillier/public/modular.ts";
import { Pacer } from "../../../sdk/support/pacing.ts";
import { generatePrime } from "../../../sdk/paillier/private/primes.ts";
import { PrivateKey } from "../../../sdk/paillier/private/private_key.ts";
import { selectKernel } from "../../../sdk/paillier/public/select_kernel.ts";
import { platformRandom } from "../../../sdk/support/random.ts";
import { multiPrimeKey, testKey } from "../../vectors/keys.ts";

const key = testKey(512);
const { publicKey } = key;
const n = publicKey.modulus;
const edges = [0n, 1n, n - 1n, n / 3n, n - n / 3n, n / 2n];

/** Bytes that look random and are the same in every run. */
function seededRandom(seed: number) {
  let state = seed;
  return (length: number) =>
    Uint8Array.from({ length }, () => {
      state = Math.imul(state, 1103515245) + 12345 & 0x7fffffff;
      return state >> 16;
    });
}

const kernels = new Set<Kernel>([bigIntKernel, selectKernel()]);

function split(ciphertexts: Uint8Array, each: number): bigint[] {
  return Array.from(
    { length: ciphertexts.length / each },
    (_, i) => bigIntFromBytes(ciphertexts.subarray(i * each, (i + 1) * each)),
  );
}

for (const kernel of kernels) {
  Deno.test(`${kernel.name}: batches come back, with and without pool`, async () => {
    using owner = new PaillierEngine(key, { kernel });
    assert.equal(owner.kernelName, kernel.name);
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.bigInt({ min: 0n, max: n - 1n }),
            fc.constantFrom(...edges),
          ),
          { maxLength: 8 },
        ),
        fc.nat({ max: 8 }),
        async (plaintexts, pooled) => {
          await owner.fillPool(pooled);
          const ciphertexts = await owner.encryptBatch(plaintexts);
          assert.equal(ciphertexts.length, plaintexts.length * 128);
          const each = split(ciphertexts, 128);
          assert.equal(new Set(each).size, each.length);
          assert.deepEqual(each.map((c) => key.decrypt(c)), plaintexts);
          assert.deepEqual(await owner.decryptBatch(ciphertexts), plaintexts);
        },
      ),
      { numRuns: 50 },
    );
  });

  for (const bits of [768, 1024] as const) {
    const multi = multiPrimeKey(bits), primes = multi.exportPrimes();
    const name = `${kernel.name}: a key of ${primes.length} primes`;
    const { modulus, ciphertextBytes } = multi.publicKey;
    Deno.test(`${name} takes batches there and back`, async () => {
      using owner = new PaillierEngine(multi, { kernel, tableWindowBits: 5 });
      const plaintext = fc.oneof(
        fc.bigInt({ min: 0n, max: modulus - 1n }),
        // 0 modulo some primes: their L is 0.
        fc.constantFrom(0n, 1n, modulus - 1n, ...primes, modulus - primes[1]),
      );
      await fc.assert(
        fc.asyncProperty(
          fc.array(plaintext, { maxLength: 5 }),
          async (plaintexts) => {
            const ciphertexts = await owner.encryptBatch(plaintexts);
            const each = split(ciphertexts, ciphertextBytes);
            assert.equal(new Set(each).size, each.length);
            assert.deepEqual(each.map((c) => multi.decrypt(c)), plaintexts);
            assert.deepEqual(await owner.decryptBatch(ciphertexts), plaintexts);
          },
        ),
        { numRuns: 20 },
      );
    });

    Deno.test(`${name} decrypts what is no encryption of its own as the one-number code does`, async () => {
      using owner = new PaillierEngine(multi, { kernel });
      const square = modulus * modulus;
      await fc.assert(
        fc.asyncProperty(
          fc.oneof(
            fc.bigInt({ min: 1n, max: square - 1n }),
            fc.constantFrom(1n, modulus, square - 1n, ...primes),
          ),
          async (c) =>
            assert.deepEqual(
              await owner.decryptBatch(bytesFromBigInt(c, ciphertextBytes)),
              [multi.decrypt(c)],
            ),
        ),
        { numRuns: 40 },
      );
    });

    Deno.test(`${name} draws randomness from no subgroup, for each prime alone`, async () => {
      using owner = new PaillierEngine(multi, {
        kernel,
        random: seededRandom(5),
      });
      const zeros = split(
        await owner.encryptBatch(Array(256).fill(0n)),
        ciphertextBytes,
      );
      // Which primes a number is a square of: all combinations, about equally often.
      const counts = new Map<string, number>();
      for (const zero of zeros) {
        const kind = primes.map((p) =>
          modPower(zero, (p - 1n) / 2n, p) === 1n ? 1 : 0
        ).join("");
        counts.set(kind, (counts.get(kind) ?? 0) + 1);
      }
      assert.equal(counts.size, 2 ** primes.length);
      const expected = 256 / counts.size;
      for (const count of counts.values()) {
        assert.ok(expected / 4 < count && count < 3 * expected, `${counts}`);
      }
    });
  }

  Deno.test(`${kernel.name}: three primes of a 2048-bit key, against the one-number code`, async () => {
    const large = multiPrimeKey(2048);
    using owner = new PaillierEngine(large, { kernel, tableWindowBits: 4 });
    const { modulus } = large.publicKey;
    const plaintexts = [0n, 1n, modulus - 1n, modulus / 3n, 7n];
    const ciphertexts = await owner.encryptBatch(plaintexts);
    const each = split(ciphertexts, 512);
    assert.deepEqual(each.map((c) => large.decrypt(c)), plaintexts);
    assert.deepEqual(await owner.decryptBatch(ciphertexts), plaintexts);
  });

  Deno.test(`${kernel.name}: the same at 2048 bits, against the one-number code`, async () => {
    const large = testKey(2048);
    using owner = new PaillierEngine(large, { kernel, tableWindowBits: 4 });
    const modulus = large.publicKey.modulus;
    const plaintexts = [0n, 1n, modulus - 1n, modulus / 3n];
    const ciphertexts = await owner.encryptBatch(plaintexts);
    const each = split(ciphertexts, 512);
    assert.deepEqual(each.map((c) => large.decrypt(c)), plaintexts);
    assert.deepEqual(await owner.decryptBatch(ciphertexts), plaintexts);
    const full = large.publicKey.encrypt(12345n);
    assert.deepEqual(
      await owner.decryptBatch(bytesFromBigInt(full, 512)),
      [12345n],
    );
  });

  Deno.test(`${kernel.name}: keys of paillier-bigint, whose primes differ in length`, async () => {
    const theirs = await oracle.generateRandomKeys(520, true);
    const { _p: p, _q: q } = theirs.privateKey as unknown as {
      _p: bigint;
      _q: bigint;
    };
    using owner = new PaillierEngine(PrivateKey.fromPrimes(p, q), { kernel });
    const bytes = owner.publicKey.ciphertextBytes;
    const ciphertexts = await owner.encryptBatch(edges);
    assert.deepEqual(
      split(ciphertexts, bytes).map((c) => theirs.privateKey.decrypt(c)),
      edges,
    );
    const back = edges.map((m) =>
      bytesFromBigInt(theirs.publicKey.encrypt(m), bytes)
    );
    assert.deepEqual(
      await owner.decryptBatch(new Uint8Array(back.flatMap((c) => [...c]))),
      edges,
    );
  });

  Deno.test(`${kernel.name}: primes of unequal length, at the edges of limbs`, async () => {
    const prime = (bits: number) =>
      generatePrime(bits, {
        of: 2,
        random: platformRandom,
        pacer: new Pacer(),
      });
    const shapes = [
      [257, 256],
      [248, 249],
      [298, 306],
      [299, 298],
      [298, 306, 299],
      [298, 306, 306, 306],
    ];
    for (const lengths of shapes) {
      const primes = await Promise.all(lengths.map(prime));
      const uneven = PrivateKey.fromPrimes(...primes);
      using owner = new PaillierEngine(uneven, { kernel, tableWindowBits: 3 });
      const last = uneven.publicKey.modulus - 1n;
      const plaintexts = [0n, 1n, last, last / 3n];
      const ciphertexts = await owner.encryptBatch(plaintexts);
      assert.deepEqual(await owner.decryptBatch(ciphertexts), plaintexts);
    }
  });

  for (const tableWindowBits of [1, 3, 5, 11]) {
    Deno.test(`${kernel.name}: table windows of ${tableWindowBits} bits`, async () => {
      using owner = new PaillierEngine(key, { kernel, tableWindowBits });
      const ciphertexts = await owner.encryptBatch(edges);
      assert.deepEqual(
        split(ciphertexts, 128).map((c) => key.decrypt(c)),
        edges,
      );
    });
  }

  Deno.test(`${kernel.name}: randomness is not confined to a subgroup`, async () => {
    using owner = new PaillierEngine(key, { kernel, random: seededRandom(7) });
    const [p, q] = key.exportPrimes();
    const zeros = split(await owner.encryptBatch(Array(64).fill(0n)), 128);
    const isSquare = (c: bigint, prime: bigint) =>
      modPower(c, (prime - 1n) / 2n, prime) === 1n;
    // Squares and others modulo p and q, independently: 16 each on average.
    const counts = [0, 0, 0, 0];
    for (const c of zeros) {
      counts[(isSquare(c, p) ? 1 : 0) + (isSquare(c, q) ? 2 : 0)]++;
      assert.equal(key.decrypt(c), 0n);
    }
    assert.ok(counts.every((count) => 4 < count && count < 32), `${counts}`);
  });

  Deno.test(`${kernel.name}: the same randomness gives the same ciphertexts`, async () => {
    const run = async () => {
      const random = seededRandom(3);
      using owner = new PaillierEngine(key, { kernel, random });
      await owner.fillPool(2);
      return await owner.encryptBatch(edges);
    };
    assert.deepEqual(await run(), await run());
  });

  Deno.test(`${kernel.name}: long batches let timers run and stop on abort`, async () => {
    const large = testKey(2048);
    using owner = new PaillierEngine(large, { kernel });
    const one = bytesFromBigInt(large.publicKey.encrypt(1n), 512);
    const many = new Uint8Array(100 * 512);
    for (let i = 0; i < 100; i++) many.set(one, i * 512);
    const controller = new AbortController();
    const pending = owner.decryptBatch(many, { signal: controller.signal });
    // The timer can only fire if the batch gives way.
    setTimeout(() => controller.abort(new Error("enough")), 0);
    await assert.rejects(pending, /enough/);
    await assert.rejects(
      owner.encryptBatch([1n], { signal: controller.signal }),
      /enough/,
    );
  });
}

Deno.test("the pool is bounded, and each item is used once", async () => {
  // 5 randomisers of 2 * 64 + 64 bytes.
  using owner = new PaillierEngine(key, { poolBytes: 5 * 192 + 100 });
  assert.equal(owner.pooled, 0);
  await owner.fillPool(3);
  assert.equal(owner.pooled, 3);
  await owner.fillPool(1000);
  assert.equal(owner.pooled, 5);
  const first = await owner.encryptBatch([0n, 0n]);
  assert.equal(owner.pooled, 3);
  const second = await owner.encryptBatch([0n, 0n, 0n, 0n, 0n]);
  assert.equal(owner.pooled, 0);
  // Encryptions of 0 are the randomisers themselves.
  const used = [...split(first, 128), ...split(second, 128)];
  assert.equal(new Set(used).size, 7);
});

Deno.test("the pool fills while idle only if asked to", async () => {
  const poolBytes = 40 * 192;
  using owner = new PaillierEngine(key, { poolBytes, fillWhileIdle: true });
  await owner.encryptBatch([1n]);
  while (owner.pooled < 40) await new Promise((done) => setTimeout(done, 1));
  using lazy = new PaillierEngine(key, { poolBytes });
  await lazy.encryptBatch([1n]);
  assert.equal(lazy.pooled, 0);
});

Deno.test("calls that overlap share one table", async () => {
  // Two tables at once would mix: the same source would no longer give the same
  // randomisers as one call after the other. Which call draws first is free.
  const square = n * n;
  const randomiser = (ciphertext: Uint8Array, message: bigint) =>
    bigIntFromBytes(ciphertext) * (square + 1n - message * n) % square;
  const drawn = async (together: boolean) => {
    const random = seededRandom(11);
    using owner = new PaillierEngine(key, { random, tableWindowBits: 11 });
    const first = owner.encryptBatch([5n]);
    if (!together) await first;
    const second = owner.encryptBatch([6n]);
    return new Set([
      randomiser(await first, 5n),
      randomiser(await second, 6n),
    ]);
  };
  assert.deepEqual(await drawn(true), await drawn(false));
});

Deno.test("overlapping calls give the same results", async () => {
  using owner = new PaillierEngine(key, { fillWhileIdle: true });
  await owner.fillPool(4);
  const batches = await Promise.all(
    [3, 3, 3].map((count) => owner.encryptBatch(Array(count).fill(9n))),
  );
  const plaintexts = await Promise.all(
    batches.map((batch) => owner.decryptBatch(batch)),
  );
  assert.deepEqual(plaintexts, [[9n, 9n, 9n], [9n, 9n, 9n], [9n, 9n, 9n]]);
});

Deno.test("refuses a number that is out of range by its index", async () => {
  using owner = new PaillierEngine(key);
  await assert.rejects(owner.encryptBatch([0n, n]), /index 1/);
  await assert.rejects(owner.encryptBatch([-1n]), /index 0/);
  const good = bytesFromBigInt(publicKey.encrypt(1n), 128);
  const pair = (second: Uint8Array) => {
    const both = new Uint8Array(256);
    both.set(good);
    both.set(second, 128);
    return both;
  };
  const square = bytesFromBigInt(n * n, 128);
  for (const bad of [new Uint8Array(128), square, square.map(() => 255)]) {
    await assert.rejects(owner.decryptBatch(pair(bad)), {
      code: "ciphertext-out-of-range",
      message: /index 1/,
    });
  }
  const last = bytesFromBigInt(n * n - 1n, 128);
  assert.deepEqual(await owner.decryptBatch(last), [0n]);
  await assert.rejects(owner.decryptBatch(good.slice(1)), RangeError);
  assert.deepEqual(await owner.decryptBatch(new Uint8Array(0)), []);
  for (const tableWindowBits of [0, 13, Number.NaN]) {
    assert.throws(
      () => new PaillierEngine(key, { tableWindowBits }),
      RangeError,
    );
  }
});

Deno.test("a disposed engine refuses calls and holds no randomness", async () => {
  const owner = new PaillierEngine(key, { fillWhileIdle: true });
  await owner.fillPool(3);
  const running = owner.fillPool(100_000);
  owner[Symbol.dispose]();
  await assert.rejects(running, TypeError);
  assert.equal(owner.pooled, 0);
  await assert.rejects(owner.encryptBatch([1n]), TypeError);
  await assert.rejects(owner.decryptBatch(new Uint8Array(0)), TypeError);
  await assert.rejects(owner.fillPool(1), TypeError);
});

Deno.test("an engine shows nothing of its key when printed, cloned or enumerated", async () => {
  const key = multiPrimeKey(768);
  using owner = new PaillierEngine(key);
  await owner.fillPool(1);
  const shown = [
    Deno.inspect(owner, { showHidden: true, depth: 9 }),
    Deno.inspect({ ...owner }, { showHidden: true, depth: 9 }),
    Deno.inspect(structuredClone({ name: owner.kernelName })),
  ].join();
  for (const secret of key.exportPrimes()) {
    assert.ok(!shown.includes(secret.toString()));
    assert.ok(!shown.includes(secret.toString(16)));
  }
});
