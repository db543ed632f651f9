/**
 * Whether batches have noise enough: the largest bias that a linear test of a batch's
 * noise can have, if its code is no worse than random ones.
 *
 * @module
 */
import { ok } from "node:assert/strict";
import { setupSizes } from "../../sdk/transfer/chain.ts";
import { shapeOf } from "../../sdk/transfer/batch_shape.ts";

/** Codes that may be worse: 2^-40 of all. */
const badCodesLog2 = -40;

/**
 * Log2 of the bias that no test exceeds, but under 2^-40 of all codes.
 *
 * A test is a sum of rows of the code. In a run of b blocks, of which it reads w, its
 * bias is |1 - 2w/b|; that of a whole test is the product over runs. A row of a random
 * code reads each block with probability 1/2, so the chance that one test exceeds 2^-e
 * is at most E[|1 - 2w/b|^k]^trees 2^(ek) for any k; there are 2^transfers tests.
 */
function worstBias(size: number): number {
  const { trees, leaves, transfers } = shapeOf(size);
  const binomial = [-leaves]; // log2 of the chance of w
  for (let w = 1; w <= leaves; w++) {
    binomial.push(binomial[w - 1] + Math.log2((leaves - w + 1) / w));
  }
  const moment = (k: number) =>
    Math.log2(binomial.reduce(
      (sum, chance, w) => sum + 2 ** chance * Math.abs(1 - 2 * w / leaves) ** k,
      0,
    ));
  const tests = transfers - badCodesLog2;
  let worst = 0;
  for (let k = 1; k < 2000; k *= 1.05) {
    worst = Math.min(worst, (trees * moment(k) + tests) / k);
  }
  return worst;
}

Deno.test("no linear test of a batch's noise has a bias above 2^-128", () => {
  const sizes = [1, 408, 448, 449, 500, ...setupSizes, 8000, 14_336, 14_337];
  for (const size of [...sizes, 60_000, 209_890, 393_216]) {
    const bias = worstBias(size);
    ok(bias <= -128, `${size}: 2^${bias}`);
  }
});

Deno.test("each batch of a set-up has transfers enough for the next", () => {
  setupSizes.slice(1).forEach((size, i) => {
    ok(shapeOf(setupSizes[i]).transfers >= shapeOf(size).bases);
  });
});
