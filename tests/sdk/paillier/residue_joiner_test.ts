import assert from "node:assert/strict";
import fc from "fast-check";
import {
  cofactorInverses,
  ResidueJoiner,
} from "../../../sdk/paillier/private/residue_joiner.ts";

/** Mersenne primes: some of them, in any order. */
const moduli = fc.shuffledSubarray(
  [89n, 107n, 127n, 521n, 607n].map((bits) => (1n << bits) - 1n),
  { minLength: 2, maxLength: 4 },
);

Deno.test("joins residues, scaled or not, to the number", () => {
  const drawn = moduli.chain((moduli) =>
    fc.record({
      moduli: fc.constant(moduli),
      residues: fc.tuple(
        ...moduli.map((m) =>
          fc.oneof(
            fc.bigInt({ min: 1n - m, max: m - 1n }),
            fc.constantFrom(0n, 1n, m - 1n, 1n - m),
          )
        ),
      ),
      scales: fc.tuple(
        ...moduli.map((m) => fc.bigInt({ min: -m, max: m })),
      ),
    })
  );
  fc.assert(fc.property(drawn, ({ moduli, residues, scales }) => {
    const product = moduli.reduce((product, m) => product * m);
    const residue = (x: bigint, m: bigint) => (x % m + m) % m;
    const plain = new ResidueJoiner(moduli).join(residues);
    const scaled = new ResidueJoiner(moduli, scales).join(residues);
    for (const x of [plain, scaled]) assert.ok(0n <= x && x < product);
    moduli.forEach((m, i) => {
      assert.equal(plain % m, residue(residues[i], m));
      assert.equal(scaled % m, residue(residues[i] * scales[i], m));
    });
    cofactorInverses(moduli).forEach((inverse, i) =>
      assert.equal(product / moduli[i] * inverse % moduli[i], 1n)
    );
  }));
});

Deno.test("refuses moduli that share a factor", () => {
  assert.throws(() => new ResidueJoiner([15n, 21n]), RangeError);
});
