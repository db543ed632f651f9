import assert from "node:assert/strict";
import fc from "fast-check";
import * as oracle from "paillier-bigint";
import { bytesFromBigInt } from "../../../sdk/paillier/public/big_integer.ts";
import { generatePrivateKey } from "../../../sdk/paillier/private/key_generation.ts";
import { PrivateKey } from "../../../sdk/paillier/private/private_key.ts";
import { PublicKey } from "../../../sdk/paillier/public/public_key.ts";
import { multiPrimeKey, testKey } from "../../vectors/keys.ts";
import {
  encryptionVectors,
  multiPrimeVectors,
  shortExponentVector,
} from "../../vectors/paillier.ts";

const key = testKey(512);
const n = key.publicKey.modulus;
/** Same modulus, without the promise that permits short exponents. */
const plainPublicKey = new PublicKey(n);

const plaintext = fc.oneof(
  fc.bigInt({ min: 0n, max: n - 1n }),
  fc.constantFrom(0n, 1n, n - 1n, n / 3n, n / 2n, n - n / 3n),
);
const encrypt = {
  "public key, full exponents": (m: bigint) => plainPublicKey.encrypt(m),
  "public key, short exponents": (m: bigint) => key.publicKey.encrypt(m),
  "private key": (m: bigint) => key.encrypt(m),
};

for (const [name, encryptWith] of Object.entries(encrypt)) {
  Deno.test(`every plaintext comes back, encrypted by the ${name}`, () => {
    fc.assert(fc.property(plaintext, (m) => {
      const ciphertext = encryptWith(m);
      assert.ok(0n < ciphertext && ciphertext < n * n);
      assert.equal(key.decrypt(ciphertext), m);
      assert.notEqual(encryptWith(m), ciphertext);
    }));
  });
}

Deno.test("a public key gives its modulus as big-endian bytes", () => {
  assert.deepEqual([...new PublicKey(0x010203n + (1n << 40n)).toBytes()], [
    1,
    0,
    0,
    1,
    2,
    3,
  ]);
  const bytes = key.publicKey.toBytes();
  assert.equal(bytes.length, key.publicKey.modulusBytes);
  assert.equal(BigInt(`0x${bytes.toHex()}`), n);
});

/** The textbook's formulas for any number of primes, in whole numbers modulo N^2. */
function textbook(primes: readonly bigint[]) {
  const n = primes.reduce((product, p) => product * p);
  const lambda = primes.reduce((product, p) => product * (p - 1n), 1n);
  const power = (base: bigint, exponent: bigint) => {
    let result = 1n;
    for (const bit of exponent.toString(2)) {
      result = result * result % (n * n);
      if (bit === "1") result = result * base % (n * n);
    }
    return result;
  };
  return {
    encrypt: (m: bigint, r: bigint) => (1n + m * n) * power(r, n) % (n * n),
    decrypt: (c: bigint) =>
      (power(c, lambda) - 1n) / n * oracleInverse(lambda, n) % n,
  };
}

for (const bits of [768, 1024] as const) {
  const multi = multiPrimeKey(bits), primes = multi.exportPrimes();
  Deno.test(`a key of ${primes.length} primes agrees with the textbook's formulas`, () => {
    const oracle = textbook(primes),
      { modulus, specialPrimes } = multi.publicKey;
    assert.ok(!specialPrimes);
    const plaintexts = fc.oneof(
      fc.bigInt({ min: 0n, max: modulus - 1n }),
      // 0 and -1 modulo some of the primes.
      fc.constantFrom(0n, 1n, modulus - 1n, ...primes, modulus - primes[0]),
    );
    const units = fc.bigInt({ min: 1n, max: modulus - 1n });
    fc.assert(
      fc.property(plaintexts, units, (m, r) => {
        assert.equal(multi.decrypt(oracle.encrypt(m, r)), m);
        for (const by of [multi, multi.publicKey]) {
          const ciphertext = by.encrypt(m);
          assert.ok(0n < ciphertext && ciphertext < modulus * modulus);
          assert.equal(oracle.decrypt(ciphertext), m);
          assert.equal(multi.decrypt(ciphertext), m);
        }
      }),
      { numRuns: 10 },
    );
  });
}

Deno.test("sums and multiples of ciphertexts wrap modulo N as integers do", () => {
  const factor = fc.oneof(
    fc.bigInt({ min: -(1n << 64n), max: 1n << 64n }),
    fc.constantFrom(0n, 1n, -1n),
  );
  fc.assert(fc.property(plaintext, plaintext, factor, (a, b, k) => {
    const { publicKey } = key;
    const sum = publicKey.add(
      publicKey.multiply(publicKey.encrypt(a), k),
      publicKey.encrypt(b),
    );
    const expected = ((a * k + b) % n + n) % n;
    assert.equal(key.decrypt(sum), expected);
    const again = publicKey.rerandomise(sum);
    assert.notEqual(again, sum);
    assert.equal(key.decrypt(again), expected);
  }));
});

Deno.test("decrypts ciphertexts of paillier-bigint and takes its private keys", async () => {
  const theirs = await oracle.generateRandomKeys(512, true);
  const { p, q } = oraclePrimes(theirs.privateKey);
  const ours = PrivateKey.fromPrimes(p, q);
  assert.equal(ours.publicKey.modulus, theirs.publicKey.n);
  fc.assert(fc.property(plaintext, (m) => {
    m %= theirs.publicKey.n;
    assert.equal(ours.decrypt(theirs.publicKey.encrypt(m)), m);
    assert.equal(theirs.privateKey.decrypt(ours.encrypt(m)), m);
    assert.equal(theirs.privateKey.decrypt(ours.publicKey.encrypt(m)), m);
  }));
});

Deno.test("paillier-bigint decrypts our ciphertexts, sums and multiples", async () => {
  const ours = await generatePrivateKey(512, { insecure: true });
  const [p, q] = ours.exportPrimes();
  const modulus = ours.publicKey.modulus;
  const theirPublic = new oracle.PublicKey(modulus, modulus + 1n);
  const lambda = (p - 1n) * (q - 1n) / 2n;
  const inverse = oracleInverse(lambda, modulus);
  const theirPrivate = new oracle.PrivateKey(lambda, inverse, theirPublic);
  const c1 = theirPublic.encrypt(1234n), c2 = ours.publicKey.encrypt(4321n);
  assert.equal(ours.publicKey.add(c1, c2), theirPublic.addition(c1, c2));
  assert.equal(
    ours.publicKey.multiply(c1, 77n),
    theirPublic.multiply(c1, 77n),
  );
  assert.equal(theirPrivate.decrypt(ours.publicKey.add(c1, c2)), 5555n);
  assert.equal(ours.decrypt(theirPublic.multiply(c2, 10n)), 43210n);
});

/** paillier-bigint keeps the primes in fields it does not declare public. */
function oraclePrimes(privateKey: oracle.PrivateKey): { p: bigint; q: bigint } {
  const { _p: p, _q: q } = privateKey as unknown as { _p: bigint; _q: bigint };
  return { p, q };
}

/** a^-1 mod m by Euclid's algorithm, independent of the code under test. */
function oracleInverse(a: bigint, m: bigint): bigint {
  let [x, y, s, t] = [m, a % m, 0n, 1n];
  while (y !== 0n) {
    const quotient = x / y;
    [x, y, s, t] = [y, x - quotient * y, t, s - quotient * t];
  }
  return (s % m + m) % m;
}

Deno.test("refuses numbers that are out of range", () => {
  const { publicKey } = key;
  for (const m of [-1n, n, n * n]) {
    assert.throws(() => publicKey.encrypt(m), RangeError);
    assert.throws(() => key.encrypt(m), RangeError);
  }
  for (const c of [0n, -1n, n * n]) {
    assert.throws(() => key.decrypt(c), RangeError);
    assert.throws(() => publicKey.add(c, 1n), RangeError);
    assert.throws(() => publicKey.add(1n, c), RangeError);
    assert.throws(() => publicKey.multiply(c, 2n), RangeError);
    assert.throws(() => publicKey.rerandomise(c), RangeError);
  }
  assert.throws(() => new PublicKey(n + 1n), RangeError);
  assert.throws(() => new PublicKey(7n), RangeError);
});

Deno.test("refuses numbers that cannot be a key without naming them", () => {
  const [p, q] = key.exportPrimes();
  const [r, s, t, u] = multiPrimeKey(1024).exportPrimes();
  const bad: bigint[][] = [
    [],
    [p],
    [p, q, p],
    [r, s, t, u, p],
    [r, s, t, u + 1n],
    [r, s * t],
    // One prime twice, in another guise: pr and q share none, N has the square.
    [p * r, p * s],
    [p, p],
    [p, q + 1n],
    [p, 7n],
    [0n, q],
    [-p, -q],
    // q divides p - 1: not invertible as r -> r^N.
    [1019n, 509n],
  ];
  for (const factors of bad) {
    assert.throws(() => PrivateKey.fromPrimes(...factors), (error: Error) => {
      assert.ok(error instanceof RangeError);
      assert.match(error.message, /^Cannot make private key/);
      assert.ok(!/\d{10}/.test(error.message));
      return true;
    });
  }
});

Deno.test("exports a copy of the primes", () => {
  const given = key.exportPrimes() as bigint[];
  given[0] = 3n;
  assert.notEqual(key.exportPrimes()[0], 3n);
});

Deno.test("a private key shows no prime when printed, cloned or enumerated", () => {
  const key = multiPrimeKey(768);
  const primes = key.exportPrimes(), [p] = primes;
  const totient = primes.reduce((product, p) => product * (p - 1n), 1n);
  const secrets = [...primes, totient].flatMap((
    x,
  ) => [x.toString(), x.toString(16)]);
  const holder = { key, list: [key], map: new Map([["key", key]]) };
  const shown = [
    Deno.inspect(key, { showHidden: true, depth: 9 }),
    Deno.inspect(holder, { showHidden: true, depth: 9 }),
    String(key),
    `${key}`,
    Object.keys(key).join(),
    Object.getOwnPropertyNames(key).join(),
    Reflect.ownKeys(key).join(),
    Deno.inspect({ ...key }),
    Deno.inspect(structuredClone({ ...key })),
  ];
  for (const text of shown) {
    for (const secret of secrets) assert.ok(!text.includes(secret));
  }
  assert.match(shown[0], /^PrivateKey\([0-9a-f]{64}\)$/);
  assert.deepEqual(Reflect.ownKeys(key), []);
  assert.throws(() => JSON.stringify(holder), /Cannot serialise private key/);
  assert.ok(!Deno.inspect(structuredClone(key)).includes(p.toString()));
});

Deno.test("encryptions equal the committed vectors", () => {
  for (const { bits, m, r, c } of encryptionVectors) {
    const key = testKey(bits);
    const random = () => bytesFromBigInt(r, bits / 8);
    const publicKey = new PublicKey(key.publicKey.modulus);
    assert.equal(publicKey.encrypt(m, random), c);
    assert.equal(key.decrypt(c), m);
  }
  for (const { bits, encryptions } of multiPrimeVectors) {
    const key = multiPrimeKey(bits);
    for (const { m, r, c } of encryptions) {
      const random = () => bytesFromBigInt(r, bits / 8);
      assert.equal(key.publicKey.encrypt(m, random), c);
      assert.equal(key.decrypt(c), m);
    }
  }
  const { m, s, c } = shortExponentVector;
  assert.equal(key.publicKey.encrypt(m, () => bytesFromBigInt(s, 32)), c);
  assert.equal(key.decrypt(c), m);
});
