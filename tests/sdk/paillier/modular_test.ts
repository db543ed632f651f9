import assert from "node:assert/strict";
import fc from "fast-check";
import {
  gcd,
  modInverse,
  modPower,
} from "../../../sdk/paillier/public/modular.ts";

const large = fc.bigInt({ min: 0n, max: (1n << 4200n) - 1n });
const sized = fc.integer({ min: 1, max: 4200 }).chain((bits) =>
  fc.bigInt({ min: 0n, max: (1n << BigInt(bits)) - 1n })
);

/** Euclid's algorithm as in the textbook. */
function plainGcd(a: bigint, b: bigint): bigint {
  while (b !== 0n) [a, b] = [b, a % b];
  return a;
}

Deno.test("gcd equals the textbook's", () => {
  fc.assert(fc.property(sized, sized, sized, (a, b, common) => {
    assert.equal(gcd(a * common, b * common), plainGcd(a * common, b * common));
  }));
  assert.equal(gcd(0n, 0n), 0n);
  assert.equal(gcd(0n, 5n), 5n);
  assert.equal(gcd(-12n, 18n), 6n);
});

Deno.test("gcd on consecutive Fibonacci numbers, the slowest case", () => {
  let [a, b] = [1n, 1n];
  for (let i = 0; i < 3000; i++) [a, b] = [a + b, a];
  assert.equal(gcd(a, b), 1n);
  assert.equal(modInverse(b, a) * b % a, 1n);
});

Deno.test("gcd where leading parts hide the quotient", () => {
  const top = 1n << 2048n;
  for (const near of [0n, 1n, 2n, 3n, (1n << 52n) + 1n, 1n << 1996n]) {
    for (const a of [top, top - 1n, top + near]) {
      assert.equal(gcd(a, top - near), plainGcd(a, top - near));
      assert.equal(gcd(top - near, a), plainGcd(a, top - near));
    }
  }
});

Deno.test("modInverse inverts exactly the units", () => {
  fc.assert(fc.property(large, sized, (a, m) => {
    const modulus = m + 2n;
    if (plainGcd(a, modulus) === 1n) {
      const inverse = modInverse(a, modulus);
      assert.ok(0n <= inverse && inverse < modulus);
      assert.equal(a * inverse % modulus, 1n);
      assert.equal(modInverse(-a, modulus), modulus - inverse);
    } else {
      assert.throws(() => modInverse(a, modulus), RangeError);
    }
  }));
});

Deno.test("modPower equals repeated squaring from the right", () => {
  fc.assert(fc.property(
    fc.bigInt({ min: -(1n << 300n), max: 1n << 300n }),
    fc.bigInt({ min: 0n, max: 1n << 200n }),
    fc.bigInt({ min: 1n, max: 1n << 256n }),
    (base, exponent, modulus) => {
      let expected = 1n % modulus;
      let square = ((base % modulus) + modulus) % modulus;
      for (let e = exponent; e > 0n; e >>= 1n) {
        if (e & 1n) expected = expected * square % modulus;
        square = square * square % modulus;
      }
      assert.equal(modPower(base, exponent, modulus), expected);
    },
  ));
  assert.throws(() => modPower(2n, -1n, 7n), RangeError);
});
