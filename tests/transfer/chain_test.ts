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
  readPoints,
  receiverKeys,
  receiverPoints,
} from "../../sdk/transfer/base.ts";
import {
  batchAnswerBytes,
  setupAnswerBytes,
  setupRequestBytes,
} from "../../sdk/transfer/chain.ts";
import { makeCurve } from "../../sdk/transfer/curve/make_curve.ts";
import {
  startTransfers,
  type TransferBatch,
} from "../../sdk/transfer/receiver.ts";
import { type BatchSeed, TransferSender } from "../../sdk/transfer/sender.ts";
import { finish, kernel, seededBytes, sender } from "./kernels.ts";

const curve = makeCurve();
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
  const message = receiverPoints(curve, seed, choices);
  const received = readPoints(curve, message);
  const { keys, message: point } = finish(
    answerPoints(curve, seededBytes(2)(32), received),
  );
  receiverKeys(curve, seed, choices, point).forEach((key, i) => {
    deepEqual(key, keys[i][choices[i]]);
    notDeepEqual(key, keys[i][1 - choices[i]]);
  });
  equal(digest(message), "add4fcefd5ec3666ff8bbd09a85d5066");
  equal(digest(point), "196bc8498a9f6d108fefbfe157992864");
  throws(() => readPoints(curve, message.map((byte) => byte ^ 255)), {
    code: "malformed",
  });
});

Deno.test("set-up, root, batches and the next root agree on both sides", () => {
  const pending = startTransfers(kernel, seededBytes(1));
  equal(pending.request.length, setupRequestBytes);
  const { answer, root } = finish(
    sender.answerSetup(seededBytes(2)(32), sender.readSetup(pending.request)),
  );
  equal(answer.length, setupAnswerBytes);
  equal(digest(pending.request), "737ab18f5c502da0ed9ba457c9548516");
  equal(digest(answer), "d199b5466a3d6f2675cdb7df81872f2c");
  const batch = pending.finish(answer);
  checkChoices(batch, root, 100);
  for (const size of [448, 1000, 14_336]) {
    const seed = { seed: seededBytes(size)(32), size };
    const { request, finish: open } = batch.extend(size);
    const answer = sender.answerBatch(
      root,
      seed,
      request.from,
      request.choices,
    );
    equal(answer.length, batchAnswerBytes(size));
    if (size === 448) equal(digest(answer), "4ac46e56a47b73cb70e8fe55a09f1700");
    const child = open(answer);
    checkChoices(child, seed, 300);
    checkChoices(child, seed, 77);
  }
});

Deno.test("refuses requests of other sizes and transfers beyond the batch", () => {
  const malformed = { code: "malformed" };
  throws(
    () => sender.readSetup(new Uint8Array(setupRequestBytes - 1)),
    malformed,
  );
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
