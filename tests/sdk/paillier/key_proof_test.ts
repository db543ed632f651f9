import assert from "node:assert/strict";
import {
  bigIntFromBytes,
  bytesFromBigInt,
} from "../../../sdk/paillier/public/big_integer.ts";
import {
  keyChallenge,
  maxPrimes,
  proofRoots,
  verifyKeyProof,
} from "../../../sdk/paillier/public/key_proof.ts";
import { makeKeyProof } from "../../../sdk/paillier/private/key_proof_make.ts";
import { generatePrivateKey } from "../../../sdk/paillier/private/key_generation.ts";
import { modPower } from "../../../sdk/paillier/public/modular.ts";
import { PrivateKey } from "../../../sdk/paillier/private/private_key.ts";
import { isProbablePrime } from "../../../sdk/paillier/private/primes.ts";
import { multiPrimeKey, testKey } from "../../vectors/keys.ts";
import { manyPrimes, proveKey } from "../../vectors/many_primes.ts";
import { keyProofVector, multiPrimeVectors } from "../../vectors/paillier.ts";

const insecure = { insecure: true };
const rejected = (pattern: RegExp) => (error: Error & { code?: string }) => {
  assert.equal(error.code, "key-rejected");
  assert.match(error.message, pattern);
  return true;
};

Deno.test("a 2048-bit key proves itself", () => {
  const key = testKey(2048);
  const proof = makeKeyProof(key);
  assert.equal(proof.length, 8);
  assert.ok(proof.every((root) => root.length === 256));
  verifyKeyProof(key.publicKey.modulus, proof);
});

Deno.test("challenges and roots equal the committed vector", () => {
  const key = testKey(512);
  const { modulus } = key.publicKey;
  assert.equal(keyChallenge(modulus, 0), keyProofVector.challenges[0]);
  assert.equal(keyChallenge(modulus, 7), keyProofVector.challenges[1]);
  const proof = makeKeyProof(key);
  assert.equal(bigIntFromBytes(proof[0]), keyProofVector.roots[0]);
  assert.equal(bigIntFromBytes(proof[7]), keyProofVector.roots[1]);
  verifyKeyProof(modulus, proof, insecure);
});

for (const { bits, roots } of multiPrimeVectors) {
  const key = multiPrimeKey(bits), count = key.exportPrimes().length;
  Deno.test(`a key of ${bits} bits and ${count} primes proves itself by the committed roots`, () => {
    const proof = makeKeyProof(key);
    assert.deepEqual([proof[0], proof[7]].map(bigIntFromBytes), roots);
    verifyKeyProof(key.publicKey.modulus, proof, { insecure: bits < 2048 });
  });
}

Deno.test("short keys need the insecure switch", () => {
  for (const bits of [512, 1024] as const) {
    const key = testKey(bits);
    const proof = makeKeyProof(key);
    assert.throws(
      () => verifyKeyProof(key.publicKey.modulus, proof),
      rejected(new RegExp(`expected a modulus of 2048.*got ${bits}`)),
    );
    verifyKeyProof(key.publicKey.modulus, proof, insecure);
  }
});

Deno.test("rejects moduli of other lengths, even ones and ones with small factors", () => {
  const n = testKey(2048).publicKey.modulus;
  const proof = makeKeyProof(testKey(2048));
  for (const modulus of [0n, 15n, -n, n >> 1n, n * 2n, n << 8n]) {
    assert.throws(() => verifyKeyProof(modulus, proof), rejected(/bits/));
  }
  // 65521 is the largest prime below 2^16.
  for (const factor of [2n, 3n, 65521n]) {
    const multiple = n / factor * factor;
    assert.throws(
      () => verifyKeyProof(multiple, proof),
      rejected(/small prime factors/),
    );
  }
});

Deno.test("rejects a proof for another key, or altered, short or out of range", async () => {
  const key = testKey(512);
  const { modulus } = key.publicKey;
  const proof = makeKeyProof(key);
  const other = await generatePrivateKey(512, insecure);
  const check = (bad: Uint8Array[], pattern: RegExp) =>
    assert.throws(
      () => verifyKeyProof(modulus, bad, insecure),
      rejected(pattern),
    );
  check(makeKeyProof(other), /expected root 0/);
  check(proof.slice(1), /expected a proof of 8 roots, got 7/);
  check([...proof, proof[0]], /got 9/);
  check(proof.with(7, proof[6]), /expected root 7/);
  check(proof.with(3, proof[3].slice(1)), /expected roots of 64 bytes, got 63/);
  const shifted = bigIntFromBytes(proof[0]) + modulus;
  if (shifted < 1n << 512n) {
    check(proof.with(0, bytesFromBigInt(shifted, 64)), /expected root 0/);
  }
});

Deno.test("a modulus that shares a factor with phi(N) has no proof", () => {
  // q = 1 (mod f) for a prime f that divides N: r -> r^N is f to one.
  const f = testKey(512).exportPrimes()[0];
  let q = 2n * f + 1n;
  while (!isProbablePrime(q)) q += 2n * f;
  const modulus = f * q;
  assert.throws(() => PrivateKey.fromPrimes(f, q), RangeError);
  // The best that a prover can do for most challenges is to have no root at all:
  // x has an f-th root modulo q only if x^((q-1)/f) = 1.
  let solvable = 0;
  for (let index = 0; index < proofRoots; index++) {
    const challenge = keyChallenge(modulus, index) % q;
    if (modPower(challenge, (q - 1n) / f, q) === 1n) solvable++;
  }
  assert.equal(solvable, 0);
});

Deno.test("accepts prime moduli, a factor just above the bound and products of many primes, as stated", () => {
  const [p] = testKey(1024).exportPrimes();
  // A prime of 512 bits, and 65537 times a prime of 512 bits in all.
  const factors: bigint[][] = [[p]];
  let q = (1n << 511n) / 65537n | 1n;
  while (!isProbablePrime(q) || (q * 65537n) >> 511n !== 1n) q += 2n;
  factors.push([65537n, q]);
  const many = manyPrimes(512);
  assert.equal(many.length, maxPrimes(512));
  factors.push(many);
  for (const primes of factors) {
    const modulus = primes.reduce((product, prime) => product * prime);
    verifyKeyProof(modulus, proveKey(primes), insecure);
  }
});
