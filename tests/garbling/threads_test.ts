/**
 * A call shared by threads: the bytes and what they are evaluated to are those of one
 * thread, whichever is through first, and whether or not one fails.
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
import type { GateKernel } from "../../sdk/garbling/gate_kernel.ts";
import { makeKernel } from "../../sdk/garbling/kernel.ts";
import { Labels } from "../../sdk/garbling/labels.ts";
import {
  evaluateJob,
  garbleJob,
  type LaneJob,
  type LaneThreads,
  received,
} from "../../sdk/garbling/lane_threads.ts";
import {
  chunkCount,
  garbleStages,
  StageEvaluator,
} from "../../sdk/garbling/rounds/run.ts";
import type { Stage } from "../../sdk/garbling/rounds/stage.ts";
import { PaillierEngine } from "../../sdk/paillier/private/paillier_engine.ts";
import { concat } from "../../sdk/support/bytes.ts";
import { testKey } from "../vectors/keys.ts";
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

type Run<Lanes, Result> = (
  kernel: GateKernel,
  job: LaneJob<Lanes>,
) => Result;

/** Two threads in this one: plain data in both directions, the first through last. */
function twoThreads<Lanes, Result extends { outputs: Labels }>(
  run: Run<Lanes, Result>,
  fails = false,
) {
  const kernel = makeKernel(), ends: (() => void)[] = [];
  let atOnce = 0, most = 0;
  const threads: LaneThreads<Lanes, Result> = {
    threads: 2,
    run: async (job) => {
      const copy = structuredClone(job);
      most = Math.max(most, ++atOnce);
      const { promise, resolve } = Promise.withResolvers<void>();
      ends.unshift(resolve);
      if (ends.length === 2) { for (const end of ends.splice(0)) end(); }
      else setTimeout(resolve);
      await promise;
      atOnce--;
      return fails ? null : received(structuredClone(run(kernel, copy)));
    },
  };
  return { threads, most: () => most };
}

const garbled = async (
  threads?: Parameters<typeof garbleStages>[2]["threads"],
) =>
  concat(
    ...await Array.fromAsync(garbleStages(makeKernel(), stages, {
      choices,
      secrets: { delta, salt },
      knowledgeOf: () => ({ bits: [], values: [] }),
      threads,
    })),
  );

async function evaluated(
  bytes: Uint8Array,
  threads?: ConstructorParameters<typeof StageEvaluator>[2]["threads"],
) {
  const evaluator = new StageEvaluator(makeKernel(), stages, {
    choices,
    salt,
    threads,
  });
  await evaluator.push(bytes);
  const [{ bits }] = await evaluator.finish();
  return bits;
}

const alone = await garbled();

Deno.test("two threads garble the bytes of one, two chunks at once, and so where they fail", async () => {
  ok(chunkCount(stages) > 8);
  const shared = twoThreads(garbleJob);
  deepEqual(await garbled(shared.threads), alone);
  equal(shared.most(), 2);
  const failing = twoThreads(garbleJob, true);
  deepEqual(await garbled(failing.threads), alone);
});

Deno.test("two threads evaluate what one does, two chunks at once, and so where they fail", async () => {
  const expected = await evaluated(alone);
  const shared = twoThreads(evaluateJob);
  deepEqual(await evaluated(alone, shared.threads), expected);
  equal(shared.most(), 2);
  const failing = twoThreads(evaluateJob, true);
  deepEqual(await evaluated(alone, failing.threads), expected);
});

Deno.test("the gateway's threads evaluate garbled lanes beside ciphertexts", async () => {
  using engine = new PaillierEngine(testKey(512), { threads: 2 });
  equal(engine.evaluatingThreads.threads, 0);
  await engine.prepare();
  equal(engine.evaluatingThreads.threads, 2);
  const expected = await evaluated(alone);
  deepEqual(await evaluated(alone, engine.evaluatingThreads), expected);
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
      postMessage: (message) => accept(structuredClone(message)),
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
