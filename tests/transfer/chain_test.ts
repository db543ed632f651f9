/**
 * The chain of batches from base transfers on, with vectors.
 *
 * @module
 */
import { deepEqual, equal, notDeepEqual, throws } from "node:assert/strict";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import {
  answerPoints,
  decodePoints,
  receiverKeys,
  receiverPoints,
} from "../../sdk/transfer/base.ts";
import {
  batchAnswerBytes,
  setupAnswerBytes,
  setupRequestBytes,
} from "../../sdk/transfer/chain.ts";
import {
  startTransfers,
  type TransferBatch,
} from "../../sdk/transfer/receiver.ts";
import {
  type BatchSeed,
  readSetup,
  TransferSender,
} from "../../sdk/transfer/sender.ts";
import { finish, kernel, seededBytes, sender } from "./kernels.ts";

const digest = (bytes: Uint8Array) => bytesToHex(sha256(bytes)).slice(0, 32);

/** Checks that each chosen label is the one of the bit. */
function checkChoices(batch: TransferBatch, seed: BatchSeed, count: number) {
  const bits = Uint8Array.from({ length: count }, (_, i) => i * 7 >> 2 & 1);
  const { from, choices, labels } = batch.choose(bits);
  const zero = sender.zeroLabels(seed, { from, count, bits: choices });
  bits.forEach((bit, i) => {
    const label = zero.labels.get(0, i).map((word, w) =>
      bit ? word ^ zero.delta[w] : word
    );
    deepEqual(labels.get(0, i), label);
  });
}

Deno.test("a base transfer's receiver has the key of its choice alone", () => {
  const seed = seededBytes(1)(32), choices = Uint8Array.of(0, 1, 1, 0);
  const message = receiverPoints(seed, choices);
  const received = { message, points: decodePoints(message) };
  const { keys, message: point } = finish(
    answerPoints(seededBytes(2)(32), received),
  );
  receiverKeys(seed, choices, point).forEach((key, i) => {
    deepEqual(key, keys[i][choices[i]]);
    notDeepEqual(key, keys[i][1 - choices[i]]);
  });
  equal(digest(message), "4c5343b8b306a0cca65d9023d33eefeb");
  equal(digest(point), "d5f1a1bad4cab9b32ad40fff1b67bcf9");
  throws(() => decodePoints(message.map((byte) => byte ^ 255)), {
    code: "malformed",
  });
});

Deno.test("set-up, root, batches and the next root agree on both sides", () => {
  const pending = startTransfers(kernel, seededBytes(1));
  equal(pending.request.length, setupRequestBytes);
  const { answer, root } = finish(
    sender.answerSetup(seededBytes(2)(32), readSetup(pending.request)),
  );
  equal(answer.length, setupAnswerBytes);
  equal(digest(pending.request), "8324200795973ea5c4ea904dde4828ac");
  equal(digest(answer), "17902ec7e15bafdc567652d588de3ad8");
  const batch = pending.finish(answer);
  checkChoices(batch, root, 100);
  for (const size of [448, 1000, 49_152]) {
    const seed = { seed: seededBytes(size)(32), size };
    const { request, finish: open } = batch.extend(size);
    const answer = sender.answerBatch(
      root,
      seed,
      request.from,
      request.choices,
    );
    equal(answer.length, batchAnswerBytes(size));
    if (size === 448) equal(digest(answer), "b989c63f6e402c8ee7d97d672d6af656");
    const child = open(answer);
    checkChoices(child, seed, 300);
    checkChoices(child, seed, 77);
  }
});

Deno.test("refuses requests of other sizes and transfers beyond the batch", () => {
  const malformed = { code: "malformed" };
  throws(() => readSetup(new Uint8Array(setupRequestBytes - 1)), malformed);
  const parent = { seed: new Uint8Array(32), size: 896 };
  const child = { seed: new Uint8Array(32), size: 448 };
  const choices = new Uint8Array(70);
  sender.answerBatch(parent, child, 336, choices);
  for (const from of [337, -1, 0.5, NaN]) {
    throws(() => sender.answerBatch(parent, child, from, choices), malformed);
  }
  throws(
    () => sender.answerBatch(parent, child, 0, choices.slice(1)),
    malformed,
  );
  for (const size of [0, 393_217, 8.5]) {
    throws(
      () => sender.answerBatch(parent, { ...child, size }, 0, choices),
      malformed,
    );
  }
  throws(
    () =>
      sender.zeroLabels(parent, {
        from: 894,
        count: 3,
        bits: new Uint8Array(1),
      }),
    malformed,
  );
});

Deno.test("a sender that keeps no rows answers as one that keeps them", () => {
  const forgetful = new TransferSender(kernel, 0);
  const parent = { seed: new Uint8Array(32).fill(2), size: 896 };
  const child = { seed: new Uint8Array(32).fill(3), size: 448 };
  const choices = seededBytes(3)(70);
  for (let turn = 0; turn < 2; turn++) {
    deepEqual(
      forgetful.answerBatch(parent, child, 7, choices),
      sender.answerBatch(parent, child, 7, choices),
    );
  }
});
