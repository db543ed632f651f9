/** Statistics of pictures against known values. */
import { deepEqual, ok } from "node:assert/strict";
import {
  chiSquared,
  chiSquaredTail,
  histogram,
  neighbourCorrelation,
} from "../../../bench/paper/statistics.ts";
import { PredictablePaillier } from "../../../bench/paper/measure/pictures.ts";
import { testKey } from "../../vectors/keys.ts";

const near = (value: number, expected: number, tolerance: number) =>
  ok(Math.abs(value - expected) <= tolerance, `${value} is not ${expected}`);

Deno.test("computes histogram and chi-squared of counts worked out by hand", () => {
  const counts = histogram([0, 0, 0, 255]);
  deepEqual([counts[0], counts[1], counts[255], counts.length], [3, 0, 1, 256]);
  // Counts 10, 20, 30 against 20 each.
  near(chiSquared([10, 20, 30]), 10, 1e-12);
  near(chiSquared(new Array(256).fill(7)), 0, 1e-12);
});

Deno.test("computes chi-squared tails as in tables", () => {
  // Critical values of 255 and of 100 degrees of freedom.
  for (
    const [value, degrees, tail] of [
      [293.248, 255, 0.05],
      [310.457, 255, 0.01],
      [254.334, 255, 0.5],
      [124.342, 100, 0.05],
      [135.807, 100, 0.01],
      [77.929, 100, 0.95],
    ]
  ) near(chiSquaredTail(value, degrees), tail, 5e-4);
});

Deno.test("neighbours of a ramp correlate, of a chessboard negatively, of one colour not at all", () => {
  const pixels = (colour: (x: number, y: number) => number) =>
    Array.from({ length: 64 }, (_, i) => colour(i % 8, Math.floor(i / 8)));
  near(neighbourCorrelation(pixels((x) => x), 8, [1, 0]), 1, 1e-12);
  near(neighbourCorrelation(pixels((x) => x), 8, [0, 1]), 1, 1e-12);
  const board = pixels((x, y) => (x + y) % 2);
  near(neighbourCorrelation(board, 8, [1, 0]), -1, 1e-12);
  near(neighbourCorrelation(board, 8, [1, 1]), 1, 1e-12);
  near(neighbourCorrelation(pixels(() => 5), 8, [1, 0]), 0, 0);
});

Deno.test("predictable randomness decrypts for the key's owner and for everybody", () => {
  const key = testKey(512);
  const broken = new PredictablePaillier(key.publicKey);
  const messages = Array.from({ length: 256 }, (_, i) => 255 - i);
  const ciphertexts = broken.encrypt(messages);
  deepEqual(ciphertexts.map((c) => Number(key.decrypt(c))), messages);
  deepEqual(broken.readWithoutKey(ciphertexts), messages);
});
