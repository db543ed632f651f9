import assert from "node:assert/strict";
import fc from "fast-check";
import { factorModulus } from "../../../sdk/paillier/private/factor_modulus.ts";
import {
  exportPrivateJwk,
  exportPublicJwk,
  importPrivateJwk,
  importPublicJwk,
} from "../../../sdk/paillier/private/jwk.ts";
import { generatePrivateKey } from "../../../sdk/paillier/private/key_generation.ts";
import { multiPrimeKey, testKey } from "../../vectors/keys.ts";
import * as vectors from "../../vectors/paillier_jwk.ts";

const key = testKey(512);
const [p, q] = key.exportPrimes();
const n = key.publicKey.modulus;
const malformed = { name: "CipherlayerError", code: "malformed" };

for (const [name, jwk] of Object.entries(vectors)) {
  Deno.test(`python-paillier's private key ${name} is read`, () => {
    const read = importPrivateJwk(jwk);
    assert.deepEqual(
      new Set(read.exportPrimes()),
      new Set([p, q]),
    );
    assert.equal(importPublicJwk(jwk.pub).modulus, n);
  });
}

Deno.test("writes python-paillier's JWK, but for the free text", () => {
  const { kid, pub, ...members } = exportPrivateJwk(key);
  const { kid: _, pub: expectedPub, ...expected } = vectors.withPrimes;
  assert.deepEqual(members, expected);
  assert.deepEqual({ ...pub, kid: "" }, { ...expectedPub, kid: "" });
  assert.equal(kid, key.publicKey.fingerprint);
  assert.deepEqual(pub, exportPublicJwk(key.publicKey));
});

Deno.test("reads back a generated key from JSON", async () => {
  for (const bits of [800, 802, 850, 1024]) {
    for (const primes of [2, 3, 4] as const) {
      const options = { insecure: true, primes };
      const made = await generatePrivateKey(bits, options);
      const text = JSON.stringify(exportPrivateJwk(made));
      const read = importPrivateJwk(JSON.parse(text));
      assert.deepEqual(read.exportPrimes(), made.exportPrimes());
      assert.equal(read.publicKey.specialPrimes, primes === 2);
    }
  }
});

for (const bits of [768, 1024] as const) {
  const multi = multiPrimeKey(bits), count = multi.exportPrimes().length;
  const jwk = exportPrivateJwk(multi);
  Deno.test(`a key of ${count} primes has the others in oth, and python-paillier's members`, () => {
    const { oth, ...members } = jwk;
    assert.deepEqual(
      Object.keys(members).sort(),
      Object.keys(exportPrivateJwk(key)).sort(),
    );
    const integer = (text: string) =>
      BigInt(
        `0x${Uint8Array.fromBase64(text, { alphabet: "base64url" }).toHex()}`,
      );
    assert.deepEqual(
      [jwk.p, jwk.q, ...oth!.map(({ r }) => r)].map(integer),
      multi.exportPrimes(),
    );
    // What a reader that knows two primes finds, and refuses.
    assert.notEqual(integer(jwk.p) * integer(jwk.q), integer(jwk.pub.n));
    assert.throws(() => importPrivateJwk(members), {
      ...malformed,
      message: /the product of all primes to be the public n/,
    });
  });

  Deno.test(`what is wrong in oth of a key of ${count} primes is named, what is secret is not`, () => {
    const oth = jwk.oth!, [{ r }] = oth;
    const list = /oth to be a list of one or two primes/;
    const bad: [unknown, RegExp][] = [
      [[], list],
      [null, list],
      [r, list],
      [{ r }, list],
      [[...oth, ...oth, ...oth], list],
      [[{ r: jwk.p }, ...oth.slice(1)], /product of all primes/],
      [oth.slice(1).concat({ r: "AQ" }), /product of all primes/],
      [oth.map(({ r }) => r), /each of oth as a JSON object, got string/],
      [oth.map(() => ({})), /r to be a base64url integer/],
      [oth.map(() => ({ r: 7 })), /r to be a base64url integer/],
      [oth.map(() => ({ r: "A".repeat(1 << 20) })), /r to be a base64url/],
    ];
    for (const [value, message] of bad) {
      assert.throws(
        () => importPrivateJwk({ ...jwk, oth: value }),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, "malformed");
          assert.match(error.message, message);
          return [jwk.p, jwk.q, r].every((text) =>
            !error.message.includes(text)
          );
        },
      );
    }
  });
}

Deno.test("refuses factors that are composite or too many", () => {
  const four = exportPrivateJwk(multiPrimeKey(1024));
  const product = (...texts: string[]) =>
    texts.map((text) =>
      BigInt(
        `0x${Uint8Array.fromBase64(text, { alphabet: "base64url" }).toHex()}`,
      )
    ).reduce((product, prime) => product * prime);
  const text = (value: bigint) =>
    Uint8Array.fromHex(value.toString(16)).toBase64({
      alphabet: "base64url",
      omitPadding: true,
    });
  const [{ r: r1 }, { r: r2 }] = four.oth!;
  const composite = {
    ...four,
    p: text(product(four.p, four.q)),
    q: r1,
    oth: [{ r: r2 }],
  };
  assert.throws(
    () => importPrivateJwk(composite),
    /all factors of n to be prime/,
  );
  const one = { ...four, oth: [{ r: text(product(r1, r2)) }] };
  assert.throws(() => importPrivateJwk(one), /all factors of n to be prime/);
});

Deno.test("names what is wrong, never a secret value", () => {
  const good = vectors.withPrimes;
  const { p: _p, ...withoutP } = good;
  const other = vectors.withLambda;
  const bad: [unknown, RegExp][] = [
    [null, /private key as a JSON object, got null/],
    ["{}", /JSON object, got string/],
    [[], /JSON object, got a list/],
    [{ ...good, kty: "RSA" }, /kty to be "DAJ"/],
    [{ ...good, pub: { ...good.pub, alg: "RS256" } }, /alg to be "PAI-GN1"/],
    [{ ...good, pub: undefined }, /public key as a JSON object/],
    [{ ...good, pub: { ...good.pub, n: 15 } }, /n to be a base64url integer/],
    [withoutP, /p to be a base64url integer/],
    [{ ...good, p: good.p + "!" }, /p to be a base64url integer/],
    [{ ...good, p: "" }, /p to be a base64url integer/],
    [{ ...good, p: "A".repeat(1 << 20) }, /p to be a base64url integer/],
    [{ ...good, q: good.p }, /the product of all primes to be the public n/],
    [{ ...good, p: "AQ", q: good.pub.n }, /prime/],
    [{ ...other, lambda: other.mu }, /lambda to belong/],
    [{ ...other, lambda: "AA" }, /lambda to belong/],
  ];
  for (const [jwk, message] of bad) {
    assert.throws(() => importPrivateJwk(jwk), { ...malformed, message });
    try {
      importPrivateJwk(jwk);
    } catch (error) {
      for (const secret of [good.p, good.q, other.lambda, other.mu]) {
        assert.ok(!String(error).includes(secret));
      }
    }
  }
  assert.throws(
    () => importPublicJwk({ ...good.pub, n: "AAAC" }),
    /expected an odd modulus/,
  );
});

Deno.test("throws the declared error for any other JSON value", () => {
  const members = fc.dictionary(
    fc.constantFrom("kty", "alg", "n", "p", "q", "oth", "lambda", "mu", "pub"),
    fc.oneof(
      fc.constantFrom("DAJ", "PAI-GN1", "AQ", "_w"),
      fc.jsonValue({ maxDepth: 1 }),
    ),
  );
  const jwk = fc.tuple(members, members).map(([own, pub]) => ({
    kty: "DAJ",
    pub: { kty: "DAJ", alg: "PAI-GN1", n: "____", ...pub },
    ...own,
  }));
  fc.assert(fc.property(fc.oneof(jwk, fc.jsonValue()), (value) => {
    assert.throws(() => importPrivateJwk(value), malformed);
  }));
});

Deno.test("factorModulus finds the primes from any multiple of lambda", () => {
  const totient = (p - 1n) * (q - 1n);
  const expected = p > q ? [p, q] : [q, p];
  for (const factor of [1n, 2n, 3n, 1n << 20n]) {
    assert.deepEqual(factorModulus(n, totient * factor), expected);
    assert.deepEqual(factorModulus(n, totient / 2n * factor), expected);
  }
  for (const wrong of [0n, 1n, totient - 1n, totient / 4n, n]) {
    assert.equal(factorModulus(n, wrong), null);
  }
});
