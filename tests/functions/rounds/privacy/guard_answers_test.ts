/**
 * Blinded and compared scores leave under scales, shifts, signs and noise that are
 * fresh for every request.
 *
 * @module
 */
import { ok } from "node:assert/strict";
import { chiSquared } from "../../../../bench/paper/statistics.ts";
import { guardAnswers } from "../../../../functions/rounds/privacy/guard_answers.ts";
import { deriveKey } from "../../../../functions/rounds/privacy/seed.ts";
import type { DenseLayout } from "../../../../sdk/wire/plan.ts";

const layout: DenseLayout = {
  kind: "dense",
  samples: 2,
  fold: 1,
  inputs: [{ tensor: "x", length: 4 }],
  outputLength: 6,
  slotBits: 48,
  guardBits: 0,
  valuesPerCiphertext: 3,
};
const range = { from: 0, to: 2 };
const requests = 400;

/** The seeds of many requests: fixed, so that every run sees the same draws. */
const seeds = Array.from({ length: requests }, (_, turn) => ({
  request: deriveKey(new Uint8Array(32), `request ${turn}`, new Uint8Array()),
  order: deriveKey(new Uint8Array(32), `order ${turn}`, new Uint8Array()),
}));

/** Pearson's statistic of values in [0, 1) over ten equal bins. */
function chiSquaredOfTen(values: readonly number[]): number {
  const counts = new Array<number>(10).fill(0);
  for (const value of values) {
    ok(value >= 0 && value < 1, `${value} in [0, 1)`);
    counts[Math.floor(value * 10)]++;
  }
  return chiSquared(counts);
}

/** 9 degrees of freedom: the 99.99 % point. */
const chiSquaredLimit = 33.7;

function countDistinct(values: readonly number[]): number {
  return new Set(values).size;
}

Deno.test("blinded scores leave under a scale, shifts and noise of the request's own", async () => {
  const guard = {
    kind: "blinded",
    ranks: 8,
    scaleBits: 20,
    shiftLimit: 2 ** 40,
  } as const;
  const scales: number[] = [], shifts: number[][] = [[], []];
  const noise: number[] = [];
  for (const seed of seeds) {
    const { factors, addend } = await guardAnswers(guard, layout, range, seed);
    const scale = factors![0] / guard.ranks;
    ok(factors!.every((factor) => factor === scale * guard.ranks));
    scales.push(scale);
    // Without a bias what is left beyond scale*rank is shift + noise.
    const residues = [0, 1].flatMap((i) =>
      [0, 1, 2].map((place) => {
        const added = addend(i, place, 0) as readonly number[];
        return added.map((value) => value - scale * (3 * i + place));
      })
    );
    for (const sample of [0, 1]) {
      const values = residues.map((residue) => residue[sample]);
      const least = Math.min(...values);
      shifts[sample].push(
        (least + guard.shiftLimit) / (2 * guard.shiftLimit + scale),
      );
      noise.push(...values.map((value) => (value - least) / scale));
    }
  }
  // Scales of 2^10 and more, hardly two alike.
  ok(countDistinct(scales) > 0.95 * requests, `${countDistinct(scales)}`);
  ok(Math.min(...scales) >= 2 ** 10 && Math.max(...scales) > 2 ** 18);
  for (const values of shifts) {
    ok(chiSquaredOfTen(values) < chiSquaredLimit, `${chiSquaredOfTen(values)}`);
  }
  const between = shifts[0].filter((shift, turn) =>
    Math.abs(shift - shifts[1][turn]) < 1e-6
  );
  ok(between.length === 0, "samples share no shift");
  ok(noise.every((value) => value >= 0 && value < 1));
  ok(noise.filter((value) => value > 0.5).length > 0.3 * noise.length);
});

Deno.test("compared scores leave under a scale, a sign and noise of the answer's own", async () => {
  const guard = { kind: "compared", scaleBits: 20 } as const;
  const scales: number[] = [], noise: number[] = [];
  let negative = 0, differing = 0;
  for (const seed of seeds) {
    const { factors, addend } = await guardAnswers(guard, layout, range, seed);
    const [first, second] = factors!;
    if (Math.sign(first) !== Math.sign(second)) differing++;
    for (const [i, factor] of factors!.entries()) {
      const scale = Math.abs(factor) / 2, sign = Math.sign(factor);
      if (sign < 0) negative++;
      scales.push(scale);
      const added = addend(i, 0, 0) as number;
      noise.push((sign * added - scale) / (2 * scale) + 0.5);
    }
  }
  ok(countDistinct(scales) > 0.8 * scales.length, `${countDistinct(scales)}`);
  // Six standard deviations of a fair coin.
  const isFair = (heads: number, tosses: number) =>
    Math.abs(heads - tosses / 2) < 3 * Math.sqrt(tosses);
  ok(isFair(negative, 2 * requests), `${negative} negative`);
  ok(isFair(differing, requests), `${differing} differing`);
  ok(chiSquaredOfTen(noise) < chiSquaredLimit, `${chiSquaredOfTen(noise)}`);
});
