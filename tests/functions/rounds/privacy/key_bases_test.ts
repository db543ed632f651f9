import assert from "node:assert/strict";
import { DirectRandomiser } from "../../../../functions/rounds/privacy/direct_randomiser.ts";
import {
  baseCount,
  exponentBits,
} from "../../../../functions/rounds/privacy/key_bases.ts";
import {
  type Randomiser,
  RandomiserBank,
} from "../../../../functions/rounds/privacy/randomisers.ts";
import { seedSources } from "../../../../functions/rounds/privacy/seed.ts";
import { bigIntFromBytes } from "../../../../sdk/paillier/public/big_integer.ts";
import {
  maxPrimes,
  verifyKeyProof,
} from "../../../../sdk/paillier/public/key_proof.ts";
import { modPower } from "../../../../sdk/paillier/public/modular.ts";
import { selectKernel } from "../../../../sdk/paillier/public/select_kernel.ts";
import { primesBelow } from "../../../../sdk/paillier/public/small_primes.ts";
import { manyPrimes, proveKey } from "../../../vectors/many_primes.ts";

const bits = 1024;
const seed = new Uint8Array(32).fill(9);

Deno.test("answers under a modulus of as many primes as pass have quadratic characters of full rank", async () => {
  const primes = manyPrimes(bits);
  const modulus = primes.reduce((product, prime) => product * prime);
  assert.equal(primes.length, maxPrimes(bits));
  verifyKeyProof(modulus, proveKey(primes), { insecure: true });
  const kernel = selectKernel();
  const build = RandomiserBank.build(kernel, seed, modulus, 26);
  for (
    const randomiser of [
      new DirectRandomiser(kernel, seed, modulus),
      run(build),
    ]
  ) {
    const values = await randomise(randomiser, primes.length + 40);
    const characters = values.map((value) =>
      primes.reduce(
        (row, p) => 2n * row + (modPower(value, (p - 1n) / 2n, p) & 1n),
        0n,
      )
    );
    assert.equal(rank(characters), primes.length);
  }
});

Deno.test("bases generate the N-th residues of as many primes as pass, and spread evenly, but for few keys", () => {
  for (const bits of [512, 1024, 2048, 3072, 4096]) {
    const primes = maxPrimes(bits), bases = baseCount(bits);
    const exponents = 2 ** exponentBits(bits);
    // A character of order d sends each base to one of d roots of unity; there are at
    // most d^primes. Expected number of those of prime order that are 1 on all bases:
    const missed = primesBelow(1 << 16).reduce(
      (sum, order) => sum + order ** (primes - bases),
      0,
    );
    assert(missed < 2 ** -40, `${bits} bits: ${missed}`);
    // Of the others, the sum of squared biases: a bound of the squared distance. The
    // exponents fill the classes modulo d evenly but for `left` of them.
    let bias = 2 ** (bits - bases * exponentBits(bits));
    for (let order = 2; order < exponents; order++) {
      const left = exponents % order;
      const excess = left * (order - left) / exponents ** 2;
      bias += order ** (primes - bases) *
        Math.expm1(bases * Math.log1p(excess));
    }
    assert(bias < 2 ** -76, `${bits} bits: ${bias}`);
  }
});

/** Answers 1 (of 0, by randomness 1) as they leave. */
async function randomise(
  randomiser: Randomiser,
  count: number,
): Promise<bigint[]> {
  const sources = await seedSources(
    seed,
    "randomiser",
    { from: 0, to: count },
    randomiser.bytesPerAnswer,
  );
  const size = bits / 4, out = new Uint8Array(count * size);
  const answers = Array(count).fill([1n, 0n]);
  run(randomiser.randomise(answers, Array(count).fill(0n), sources, out));
  return answers.map((_, i) =>
    bigIntFromBytes(out.subarray(i * size, (i + 1) * size))
  );
}

function run<T>(steps: Generator<void, T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value as T;
  }
}

/** Rank of a matrix over GF(2) whose rows are numbers. */
function rank(rows: readonly bigint[]): number {
  const basis: bigint[] = [];
  for (const row of rows) {
    const rest = basis.reduce((x, b) => (x ^ b) < x ? x ^ b : x, row);
    if (rest > 0n) basis.push(rest);
    basis.sort((a, b) => a < b ? 1 : -1);
  }
  return basis.length;
}
