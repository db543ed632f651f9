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

Deno.test("a base transfer gives the receiver the key of its choice alone", () => {
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
  equal(digest(pending.request), "82a08d1a1e84607393a69d3e7981c3a7");
  equal(digest(answer), "dc0c3c3837e9d710cb61591d944086b0");
  const batch = pending.finish(answer);
  checkChoices(batch, root, 100);
  for (const leaves of [8, 23, 256]) {
    const seed = { seed: seededBytes(leaves)(32), leaves };
    const { request, finish: open } = batch.extend(leaves);
    const answer = sender.answerBatch(
      root,
      seed,
      request.from,
      request.choices,
    );
    equal(answer.length, batchAnswerBytes(leaves));
    if (leaves === 8) equal(digest(answer), "f96b9b85dd5a8108ab8ffe04fdba2d01");
    const child = open(answer);
    checkChoices(child, seed, 300);
    checkChoices(child, seed, 77);
  }
});

Deno.test("refuses requests of other sizes and transfers beyond the batch", () => {
  const malformed = { code: "malformed" };
  throws(() => readSetup(new Uint8Array(setupRequestBytes - 1)), malformed);
  const parent = { seed: new Uint8Array(32), leaves: 8 };
  const child = { seed: new Uint8Array(32), leaves: 8 };
  const choices = new Uint8Array(138);
  sender.answerBatch(parent, child, 368, choices);
  for (const from of [369, -1, 0.5, NaN]) {
    throws(() => sender.answerBatch(parent, child, from, choices), malformed);
  }
  throws(
    () => sender.answerBatch(parent, child, 0, choices.slice(1)),
    malformed,
  );
  for (const leaves of [7, 2049, 8.5]) {
    throws(
      () => sender.answerBatch(parent, { ...child, leaves }, 0, choices),
      malformed,
    );
  }
  throws(
    () =>
      sender.zeroLabels(parent, {
        from: 1470,
        count: 3,
        bits: new Uint8Array(1),
      }),
    malformed,
  );
});

Deno.test("a sender that keeps no rows answers as one that keeps them", () => {
  const forgetful = new TransferSender(kernel, 0);
  const parent = { seed: new Uint8Array(32).fill(2), leaves: 8 };
  const child = { seed: new Uint8Array(32).fill(3), leaves: 8 };
  const choices = seededBytes(3)(138);
  for (let turn = 0; turn < 2; turn++) {
    deepEqual(
      forgetful.answerBatch(parent, child, 7, choices),
      sender.answerBatch(parent, child, 7, choices),
    );
  }
});
