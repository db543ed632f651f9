/**
 * Silent batches: against the slow reference, between the two sides, and against
 * senders and receivers that cheat.
 *
 * @module
 */
import { deepEqual, equal, notDeepEqual, ok } from "node:assert/strict";
import { ScalarKernel } from "../../sdk/garbling/kernel_scalar.ts";
import {
  batchMessage,
  choiceBits,
  drawPlaces,
  receiverRows,
  senderRows,
  sidesOf,
} from "../../sdk/transfer/batch.ts";
import { makeCode, scalarCode } from "../../sdk/transfer/code.ts";
import {
  basesOf,
  codeNumbers,
  leavesFor,
  levelsOf,
  outputsOf,
  trees,
} from "../../sdk/transfer/code_shape.ts";
import { laneOf, nodeWords } from "../../sdk/transfer/trees.ts";
import { encode, growTree } from "../reference/silent_transfer.ts";
import { seededWords } from "../garbling/run_circuit.ts";
import { kernel, seededBytes } from "./kernels.ts";

const next = seededWords(21);
const words = (count: number) => Uint32Array.from({ length: count }, next);
const big = (at: (w: number) => number) =>
  [3, 2, 1, 0].reduce((sum, w) => sum << 32n | BigInt(at(w) >>> 0), 0n);
const rowOf = (rows: Uint32Array, i: number) => big((w) => rows[4 * i + w]);

function drawBatch(leaves: number) {
  const delta = words(4);
  delta[0] |= 1;
  const keys = Array.from(
    { length: basesOf(leaves) },
    () => [words(4), words(4)] as const,
  );
  return { delta, roots: words(nodeWords), salt: words(4), keys, leaves };
}

const codes = new Map<number, ReturnType<typeof makeCode>>();
const codeOf = (leaves: number) => {
  const code = codes.get(leaves) ?? makeCode(kernel, trees * leaves);
  codes.set(leaves, code);
  return code;
};

Deno.test("message and rows equal the reference's", () => {
  const leaves = 9, levels = levelsOf(leaves);
  const batch = drawBatch(leaves);
  const salt = big((w) => batch.salt[w]), delta = big((w) => batch.delta[w]);
  const message = batchMessage(kernel, batch, batch);
  const grown = Array.from({ length: trees }, (_, tree) => {
    const root = big((w) => batch.roots[laneOf(tree) + 4 * w]);
    return growTree(root, salt, { tree, leaves });
  });
  grown.forEach(({ leaves, sums }, tree) => {
    sums.forEach((pair, level) =>
      pair.forEach((sum, side) => {
        const base = tree * levels + level;
        const key = big((w) => batch.keys[base][side][w]);
        equal(rowOf(message, 2 * base + side), sum ^ key);
      })
    );
    const total = leaves.reduce((a, b) => a ^ b, 0n);
    equal(rowOf(message, 2 * trees * levels + tree), total ^ delta);
  });
  const blocks = Array.from(
    { length: leaves },
    (_, leaf) => grown.map((tree) => tree.leaves[leaf]),
  ).flat();
  const rows = senderRows(kernel, codeOf(leaves), batch, batch);
  deepEqual(
    Array.from({ length: outputsOf(leaves) }, (_, i) => rowOf(rows, i)),
    encode(blocks),
  );
});

Deno.test("the plain code and kernel give what the vectors give", () => {
  const leaves = 8, batch = drawBatch(leaves), scalar = new ScalarKernel();
  const numbers = codeNumbers(scalar, trees * leaves);
  deepEqual(numbers, codeNumbers(kernel, trees * leaves));
  deepEqual(
    senderRows(scalar, scalarCode(numbers), batch, batch),
    senderRows(kernel, codeOf(leaves), batch, batch),
  );
});

Deno.test("the receiver's rows are the sender's plus its choices times Delta", () => {
  for (const leaves of [8, 13, 64]) {
    const batch = drawBatch(leaves), code = codeOf(leaves);
    const places = drawPlaces(leaves, seededBytes(leaves));
    const sides = sidesOf(places, leaves);
    const message = batchMessage(kernel, batch, batch);
    const keys = batch.keys.map((pair, i) => pair[sides[i]]);
    const rows = receiverRows(kernel, code, places, {
      ...batch,
      keys,
      message,
    });
    const zero = senderRows(kernel, code, batch, batch);
    const choices = choiceBits(code, places, leaves);
    const ones = choices.reduce((sum, bit) => sum + bit, 0);
    ok(Math.abs(ones - choices.length / 2) < 4 * Math.sqrt(choices.length));
    choices.forEach((choice, i) => {
      for (let w = 0; w < 4; w++) {
        const mask = choice ? batch.delta[w] : 0;
        equal(rows[4 * i + w], (zero[4 * i + w] ^ mask) >>> 0);
      }
    });
  }
});

Deno.test("choices follow from the receiver's own places, whatever a sender sends", () => {
  const leaves = 11, batch = drawBatch(leaves), code = codeOf(leaves);
  const places = drawPlaces(leaves, seededBytes(4));
  const expected = choiceBits(code, places, leaves);
  const honest = batchMessage(kernel, batch, batch);
  const hostile = [
    honest.map(() => 0),
    honest.map(() => 0xffffffff),
    honest.map(() => next()),
    // Corrections whose lowest bit would make the receiver's bit 0.
    honest.map((word) => word & ~1),
    honest.map((word) => word | 1),
  ];
  for (const message of hostile) {
    const keys = batch.keys.map(() => words(4));
    const rows = receiverRows(kernel, code, places, {
      ...batch,
      keys,
      message,
    });
    deepEqual(expected.map((_, i) => rows[4 * i] & 1), expected);
  }
});

Deno.test("places are uniform within a run and differ with the source", () => {
  const leaves = 8, counts = new Array(leaves).fill(0);
  for (let i = 0; i < 40; i++) {
    for (const place of drawPlaces(leaves, seededBytes(i))) counts[place]++;
  }
  const expected = 40 * trees / leaves;
  const chiSquare = counts.reduce(
    (sum, count) => sum + (count - expected) ** 2 / expected,
    0,
  );
  // 7 degrees of freedom: above 30 once in 10^4.
  ok(chiSquare < 30, `${chiSquare}`);
  notDeepEqual(
    drawPlaces(leaves, seededBytes(1)),
    drawPlaces(leaves, seededBytes(2)),
  );
});

Deno.test("a batch is as large as its transfers need, never with short runs", () => {
  equal(leavesFor(1), 8);
  equal(leavesFor(outputsOf(8) + 1), 9);
  equal(outputsOf(leavesFor(209_890)) >= 209_890, true);
});
