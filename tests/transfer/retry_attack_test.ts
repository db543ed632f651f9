/**
 * Why transfers are silent: an extension whose sender fixes Delta before the receiver
 * speaks, and checks what it says, gives Delta away to a receiver that may ask a
 * stateless sender again. Ours draws Delta from the request and checks nothing.
 *
 * @module
 */
import { equal, ok } from "node:assert/strict";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import fc from "fast-check";
import { shapeOf } from "../../sdk/transfer/batch_shape.ts";
import { seededBytes, sender } from "./kernels.ts";

const columns = 128, rows = 24;
const big = (bytes: Uint8Array) => BigInt(`0x${bytesToHex(bytes)}`);
const bit = (x: bigint, i: number) => x >> BigInt(i) & 1n;

/** Product in GF(2^128). */
function multiply(a: bigint, b: bigint): bigint {
  let sum = 0n;
  for (let i = 127; i >= 0; i--) {
    sum <<= 1n;
    if (sum >> 128n) sum ^= (1n << 128n) | 0x87n;
    if (bit(b, i)) sum ^= a;
  }
  return sum;
}

/** A column of `rows` bits from a base key. */
const expand = (key: Uint8Array) =>
  big(sha256(key)) & (1n << BigInt(rows)) - 1n;
const challenges = (sent: readonly bigint[]) =>
  Array.from(
    { length: rows },
    (_, j) =>
      big(sha512(new TextEncoder().encode(`${j} ${sent.join()}`))) >> 384n,
  );

/** Sum over rows of a challenge times the row that the columns make up. */
const combine = (cols: readonly bigint[], chi: readonly bigint[]) =>
  chi.reduce((sum, challenge, j) => {
    const row = cols.reduce((r, c, i) => r | bit(c, j) << BigInt(i), 0n);
    return sum ^ multiply(row, challenge);
  }, 0n);

Deno.test("an extension with a check reveals a stateless sender's Delta bit by bit", () => {
  const random = seededBytes(77), delta = big(random(16));
  const pairs = Array.from({ length: columns }, () => [random(16), random(16)]);
  const t = pairs.map(([key]) => expand(key));
  const choices = big(random(3));
  /** The sender: keeps nothing, so that its Delta is the session's. */
  const accepts = (sent: bigint[], tSum: bigint, xSum: bigint) => {
    const chi = challenges(sent);
    const q = sent.map((u, i) =>
      bit(delta, i) ? expand(pairs[i][1]) ^ u : expand(pairs[i][0])
    );
    return combine(q, chi) === (tSum ^ multiply(xSum, delta));
  };
  const ask = (lieIn: number) => {
    const sent = pairs.map(([, one], i) =>
      t[i] ^ expand(one) ^ choices ^ (i === lieIn ? 1n : 0n)
    );
    const chi = challenges(sent);
    const xSum = chi.reduce((sum, c, j) => bit(choices, j) ? sum ^ c : sum, 0n);
    return accepts(sent, combine(t, chi), xSum);
  };
  ok(ask(-1));
  let found = 0n;
  for (let i = 0; i < columns; i++) if (!ask(i)) found |= 1n << BigInt(i);
  equal(found, delta);
});

Deno.test("a silent sender answers any choices with as many bytes, and nothing is checked", () => {
  const parent = { seed: seededBytes(5)(32), size: 896 };
  const child = { seed: seededBytes(6)(32), size: 448 };
  const size = shapeOf(448).bases / 8;
  const choices = fc.uint8Array({ minLength: size, maxLength: size });
  const lengths = new Set<number>();
  fc.assert(
    fc.property(choices, fc.integer({ min: 0, max: 336 }), (bits, from) => {
      lengths.add(sender.answerBatch(parent, child, from, bits).length);
    }),
    { numRuns: 25 },
  );
  equal(lengths.size, 1);
});

Deno.test("every seed gives another Delta, its lowest bit 1", () => {
  const deltas = new Set<string>();
  for (let i = 0; i < 20; i++) {
    const seed = { seed: seededBytes(i)(32), size: 448 };
    const none = { from: 0, count: 0, bits: new Uint8Array() };
    const { delta } = sender.zeroLabels(seed, none);
    equal(delta[0] & 1, 1);
    deltas.add(delta.join());
  }
  equal(deltas.size, 20);
});
