import assert from "node:assert/strict";
import fc from "fast-check";
import {
  FixedPointCodec,
  fromResidue,
  toResidue,
} from "../../../sdk/fixed_point/codec.ts";
import { testKey } from "../../vectors/keys.ts";

const key = testKey(512);
const n = key.publicKey.modulus;
Deno.test("decodes signed integers; the band between overflows", () => {
  const third = n / 3n;
  const inside = fc.oneof(
    fc.bigInt({ min: -third, max: third }),
    fc.constantFrom(0n, 1n, -1n, third, -third),
  );
  fc.assert(fc.property(inside, (value) => {
    const residue = toResidue(value, n);
    assert.ok(0n <= residue && residue < n);
    assert.equal(fromResidue(residue, n), value);
  }));
  const band = fc.oneof(
    fc.bigInt({ min: third + 1n, max: n - third - 1n }),
    fc.constantFrom(third + 1n, n - third - 1n, n / 2n),
  );
  fc.assert(fc.property(band, (residue) => {
    assert.throws(() => fromResidue(residue, n), { code: "overflow" });
  }));
  for (const value of [third + 1n, -third - 1n]) {
    assert.throws(
      () => toResidue(value, n),
      (error: Error) =>
        error instanceof RangeError && error.message.includes(`got ${value}`) &&
        error.message.includes(String(third)),
    );
  }
  assert.throws(() => fromResidue(n, n), RangeError);
  assert.throws(() => fromResidue(-1n, n), RangeError);
});

Deno.test("encrypted sums overflow into the band, not into a wrong sign", () => {
  const { publicKey } = key;
  const max = n / 3n;
  const sum = publicKey.add(publicKey.encrypt(max), publicKey.encrypt(max));
  assert.throws(() => fromResidue(key.decrypt(sum), n), { code: "overflow" });
  const difference = publicKey.add(
    publicKey.encrypt(toResidue(-max, n)),
    publicKey.multiply(publicKey.encrypt(5n), -1n),
  );
  assert.throws(() => fromResidue(key.decrypt(difference), n), {
    code: "overflow",
  });
});

Deno.test("real numbers keep 1/(2Q), their products the expected factor", () => {
  const codec = new FixedPointCodec(n, 1 << 20);
  const real = fc.double({ min: -1e6, max: 1e6, noNaN: true });
  fc.assert(fc.property(real, real, (x, y) => {
    const a = codec.encode(x), b = codec.encode(y);
    assert.ok(Math.abs(codec.decode(a) - x) <= 0.5 / 2 ** 20);
    const product = codec.decode(a) * codec.decode(b);
    const decoded = codec.decode(a * b % n, 2);
    assert.ok(Math.abs(decoded - product) <= 1e-15 * Math.abs(product) + 1e-18);
  }));
});

Deno.test("a codec refuses what it cannot hold", () => {
  const codec = new FixedPointCodec(65537n, 100);
  assert.equal(codec.decode(codec.encode(-218.45)), -218.45);
  assert.throws(() => codec.encode(218.46), /got 21846/);
  for (const bad of [Number.NaN, Infinity, 1e308]) {
    assert.throws(() => codec.encode(bad), RangeError);
  }
  for (const expansion of [0, -1, 0.5, Number.NaN, 2 ** 54]) {
    assert.throws(() => new FixedPointCodec(n, expansion), RangeError);
  }
});

Deno.test("numbers beyond a double decode once their factors are divided out", () => {
  const codec = new FixedPointCodec(testKey(2048).publicKey.modulus, 2 ** 50);
  const residue = toResidue(-3n << 1199n, codec.modulus);
  assert.equal(codec.decode(residue, 24), -1.5);
});
