/**
 * A call garbled by threads: the bytes are those of one thread, whichever is through
 * first, and whether or not one fails.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { answerCalls } from "../../functions/threads/thread_calls.ts";
import {
  EvaluationThreads,
  type ThreadWorker,
} from "../../functions/threads/threads.ts";
import { MemoryModelStore } from "../../functions/models/memory_models.ts";
import { Circuit } from "../../sdk/garbling/circuit.ts";
import { makeKernel } from "../../sdk/garbling/kernel.ts";
import { Labels } from "../../sdk/garbling/labels.ts";
import {
  garbleJob,
  type GarblingThreads,
  received,
  sendable,
} from "../../sdk/garbling/garbling_threads.ts";
import { chunkCount, garbleStages } from "../../sdk/garbling/rounds/run.ts";
import type { Stage } from "../../sdk/garbling/rounds/stage.ts";
import { concat } from "../../sdk/support/bytes.ts";
import { feedStage, tellStage } from "./clear_stages.ts";
import { seededWords } from "./run_circuit.ts";

const count = 700, bits = 6;

/** Each element times itself, in its lowest bits, so that there are ANDs. */
function squareStage(): Stage {
  const circuit = new Circuit(), word = circuit.word(bits);
  circuit.output(
    ...word.map((bit, i) => circuit.xor(circuit.and(bit, word[0]), word[i])),
  );
  const all = Int32Array.from({ length: count }, (_, i) => i);
  return {
    operandBits: bits,
    parts: [{
      circuit,
      lanes: count,
      operands: [all],
      results: [all.toReversed()],
      known: null,
    }],
    elements: { count, bits },
  };
}

const stages = [
  feedStage(count, bits),
  squareStage(),
  squareStage(),
  tellStage(count, bits),
];
const next = seededWords(5), four = () => Uint32Array.from([0, 0, 0, 0], next);
const delta = four(), salt = four();
delta[0] |= 1;
const choices = new Labels(1, count * bits);
for (let i = 0; i < choices.words.length; i++) choices.words[i] = next();

/** Two threads in this one: plain data in both directions, the first through last. */
function twoThreads(fails = false) {
  const kernel = makeKernel(), ends: (() => void)[] = [];
  let atOnce = 0, most = 0;
  const threads: GarblingThreads = {
    threads: 2,
    run: async (job) => {
      const { job: sent, buffers } = sendable(job);
      const copy = structuredClone(sent, { transfer: buffers });
      most = Math.max(most, ++atOnce);
      const { promise, resolve } = Promise.withResolvers<void>();
      ends.unshift(resolve);
      if (ends.length === 2) { for (const end of ends.splice(0)) end(); }
      else setTimeout(resolve);
      await promise;
      atOnce--;
      return fails ? null : received(structuredClone(garbleJob(kernel, copy)));
    },
  };
  return { threads, most: () => most };
}

const garbled = async (threads?: GarblingThreads) =>
  concat(
    ...await Array.fromAsync(garbleStages(makeKernel(), stages, {
      choices,
      secrets: { delta, salt },
      knowledgeOf: () => ({ bits: [], values: [] }),
      threads,
    })),
  );

const alone = await garbled();

Deno.test("two threads garble the bytes of one, two chunks at once, and so where they fail", async () => {
  ok(chunkCount(stages) > 8);
  const shared = twoThreads();
  deepEqual(await garbled(shared.threads), alone);
  equal(shared.most(), 2);
  const failing = twoThreads(true);
  deepEqual(await garbled(failing.threads), alone);
});

Deno.test("the functions' threads garble lanes, and one that ends is done without", async () => {
  const workers: ThreadWorker[] = [];
  const start = (): ThreadWorker => {
    const accept = answerCalls(
      (reply) =>
        setTimeout(() => worker.onmessage?.({ data: structuredClone(reply) })),
      (sealingKey) =>
        Promise.resolve({ models: new MemoryModelStore(), sealingKey }),
    );
    const worker: ThreadWorker = {
      postMessage: (message, transfer) =>
        accept(structuredClone(message, { transfer })),
      terminate: () => {},
      onmessage: null,
      onerror: null,
    };
    workers.push(worker);
    return worker;
  };
  const threads = new EvaluationThreads(2, new Uint8Array(32), start);
  deepEqual(await garbled(threads.garblingFor("a")), alone);
  const [first] = workers;
  first.postMessage = () =>
    setTimeout(() =>
      first.onerror?.({ message: "over", preventDefault: () => {} })
    );
  const { error } = console;
  console.error = () => {};
  try {
    deepEqual(await garbled(threads.garblingFor("a")), alone);
  } finally {
    console.error = error;
  }
  equal(workers.length, 3);
});
