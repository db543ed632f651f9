/**
 * Silent batches: against the slow reference, between the two sides, and against
 * senders and receivers that cheat.
 *
 * @module
 */
import { deepEqual, equal, notDeepEqual, ok, throws } from "node:assert/strict";
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
import { maxTransfers, shapeOf } from "../../sdk/transfer/batch_shape.ts";
import { codeNumbers } from "../../sdk/transfer/code_shape.ts";
import { laneOf, nodeWordsOf } from "../../sdk/transfer/trees.ts";
import { encode, growTree } from "../reference/silent_transfer.ts";
import { seededWords } from "../garbling/run_circuit.ts";
import { kernel, seededBytes } from "./kernels.ts";

const next = seededWords(21);
const words = (count: number) => Uint32Array.from({ length: count }, next);
const big = (at: (w: number) => number) =>
  [3, 2, 1, 0].reduce((sum, w) => sum << 32n | BigInt(at(w) >>> 0), 0n);
const rowOf = (rows: Uint32Array, i: number) => big((w) => rows[4 * i + w]);

function drawBatch(size: number) {
  const shape = shapeOf(size), delta = words(4);
  delta[0] |= 1;
  const keys = Array.from(
    { length: shape.bases },
    () => [words(4), words(4)] as const,
  );
  const roots = words(nodeWordsOf(shape));
  return { delta, roots, salt: words(4), keys, shape };
}

const codes = new Map<number, ReturnType<typeof makeCode>>();
const codeOf = (shape: ReturnType<typeof shapeOf>) => {
  const code = codes.get(shape.transfers) ?? makeCode(kernel, shape);
  codes.set(shape.transfers, code);
  return code;
};

Deno.test("message and rows equal the reference's", () => {
  // 33 leaves: no power of two.
  const batch = drawBatch(449), { shape } = batch;
  const { trees, leaves, levels, bases, transfers } = shape;
  const salt = big((w) => batch.salt[w]), delta = big((w) => batch.delta[w]);
  const message = batchMessage(kernel, batch, batch);
  const grown = Array.from({ length: trees }, (_, tree) => {
    const root = big((w) => batch.roots[laneOf(tree) + 4 * w]);
    return growTree(root, salt, { tree, trees, leaves });
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
    equal(rowOf(message, 2 * bases + tree), total ^ delta);
  });
  const blocks = Array.from(
    { length: leaves },
    (_, leaf) => grown.map((tree) => tree.leaves[leaf]),
  ).flat();
  const rows = senderRows(kernel, codeOf(shape), batch, batch);
  deepEqual(
    Array.from({ length: transfers }, (_, i) => rowOf(rows, i)),
    encode(blocks, transfers),
  );
});

Deno.test("the plain code and kernel give what the vectors give", () => {
  const batch = drawBatch(448), { shape } = batch;
  const scalar = new ScalarKernel();
  const numbers = codeNumbers(scalar, shape);
  deepEqual(numbers, codeNumbers(kernel, shape));
  deepEqual(
    senderRows(scalar, scalarCode(numbers), batch, batch),
    senderRows(kernel, codeOf(shape), batch, batch),
  );
});

Deno.test("the receiver's rows are the sender's plus its choices times Delta", () => {
  for (const size of [448, 630, 1000, 14_337]) {
    const batch = drawBatch(size), { shape } = batch, code = codeOf(shape);
    const places = drawPlaces(shape, seededBytes(size));
    const sides = sidesOf(places, shape);
    const message = batchMessage(kernel, batch, batch);
    const keys = batch.keys.map((pair, i) => pair[sides[i]]);
    const rows = receiverRows(kernel, code, places, {
      ...batch,
      keys,
      message,
    });
    const zero = senderRows(kernel, code, batch, batch);
    const choices = choiceBits(code, places, shape);
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
  const batch = drawBatch(500), { shape } = batch, code = codeOf(shape);
  const places = drawPlaces(shape, seededBytes(4));
  const expected = choiceBits(code, places, shape);
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
  const shape = shapeOf(448), { trees, leaves } = shape;
  const counts = new Array(leaves).fill(0);
  for (let i = 0; i < 40; i++) {
    for (const place of drawPlaces(shape, seededBytes(i))) counts[place]++;
  }
  const expected = 40 * trees / leaves;
  const chiSquare = counts.reduce(
    (sum, count) => sum + (count - expected) ** 2 / expected,
    0,
  );
  // 31 degrees of freedom: above 68 once in 10^4.
  ok(chiSquare < 68, `${chiSquare}`);
  notDeepEqual(
    drawPlaces(shape, seededBytes(1)),
    drawPlaces(shape, seededBytes(2)),
  );
});

Deno.test("a batch is as large as its transfers ask for, never with short runs", () => {
  equal(shapeOf(1).leaves, 32);
  equal(shapeOf(448).transfers, 448);
  equal(shapeOf(449).leaves, 33);
  equal(shapeOf(14_337).trees, 384);
  for (const size of [1, 408, 14_336, 14_337, 209_890, maxTransfers]) {
    const { transfers } = shapeOf(size);
    ok(transfers >= size);
    deepEqual(shapeOf(transfers), shapeOf(size));
  }
  for (const size of [0, -1, 1.5, NaN, maxTransfers + 1]) {
    throws(() => shapeOf(size), { code: "malformed" });
  }
});
