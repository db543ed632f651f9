/** Evaluating as bytes come: each is copied once, and the event loop runs in between. */
import { equal, ok, rejects } from "node:assert/strict";
import { makeKernel } from "../../sdk/garbling/kernel.ts";
import { Labels } from "../../sdk/garbling/labels.ts";
import {
  chunkCount,
  garbledBytes,
  StageEvaluator,
} from "../../sdk/garbling/rounds/run.ts";
import { withoutPatience } from "./without_patience.ts";
import { feedStage, tellStage } from "./clear_stages.ts";

const count = 2048, bits = 8;
const stages = [feedStage(count, bits), tellStage(count, bits)];
const open = (signal?: AbortSignal) =>
  new StageEvaluator(makeKernel(), stages, {
    choices: new Labels(1, count * bits),
    salt: new Uint32Array(4),
    signal,
  });

Deno.test("one push gives way between chunks, and ends with the signal's reason", async () => {
  ok(chunkCount(stages) > 8);
  const aborting = new AbortController(), evaluator = open(aborting.signal);
  await withoutPatience(async () => {
    setTimeout(() => aborting.abort("enough"), 0);
    await rejects(
      evaluator.push(new Uint8Array(garbledBytes(stages))),
      (reason) => reason === "enough",
    );
  });
});

Deno.test("copies bytes that wait for their chunk once, in pieces of any size", async () => {
  const bytes = new Uint8Array(200), evaluator = open();
  await evaluator.push(bytes.subarray(0, 1));
  const { set } = Uint8Array.prototype;
  let copied = 0;
  Uint8Array.prototype.set = function (from: ArrayLike<number>, at?: number) {
    copied += from.length;
    set.call(this, from, at);
  };
  try {
    // Less than the chunk that comes next.
    for (let at = 1; at < 200; at++) {
      await evaluator.push(bytes.subarray(at, at + 1));
    }
  } finally {
    Uint8Array.prototype.set = set;
  }
  equal(copied, 199);
});
