import { deepEqual, equal, rejects } from "node:assert/strict";
import type { Work } from "../../../functions/admission/turns.ts";
import {
  EvaluationThreads,
  type ThreadWorker,
} from "../../../functions/threads/threads.ts";

const script = (source: string) =>
  URL.createObjectURL(new Blob([source], { type: "text/javascript" }));

/** Ends by an uncaught error at its first call. */
const dying = script(
  `onmessage = ({ data }) => { if ("body" in data) throw new Error("over"); };`,
);
/** Answers every call with its body. */
const answering = script(
  `onmessage = ({ data }) => {
    if (!("body" in data)) return;
    const { id, body } = data;
    postMessage({ id, status: 200, headers: [], body, facts: { phases: [] } });
  };`,
);

Deno.test("calls of a thread that ended are retryable, and another thread takes them", async () => {
  const RealWorker = globalThis.Worker;
  const started: Worker[] = [];
  globalThis.Worker = class extends RealWorker {
    constructor(_: string | URL, options?: WorkerOptions) {
      super(started.length === 0 ? dying : answering, options);
      started.push(this);
    }
  };
  try {
    const threads = new EvaluationThreads(1, new Uint8Array(32));
    const ask = () =>
      threads.answer(
        new Request("http://x/v1/rounds/0", { method: "POST" }),
        Uint8Array.of(1, 2, 3),
        { work: { predictedMs: 10, shards: 1 }, caller: "a" },
      );
    const both = await Promise.allSettled([ask(), ask()]);
    for (const { status } of both) equal(status, "rejected");
    await rejects(Promise.reject((both[0] as PromiseRejectedResult).reason), {
      name: "CipherlayerError",
      code: "server-fault",
      retryable: true,
      message: "Cannot answer: the thread that evaluated the call ended",
    });
    deepEqual(await (await ask()).bytes(), Uint8Array.of(1, 2, 3));
    equal(started.length, 2);
  } finally {
    for (const worker of started) worker.terminate();
    globalThis.Worker = RealWorker;
  }
});

/** Threads that answer nothing, and the calls that each of them got. */
function silentThreads(count: number) {
  const sent: number[][] = [];
  const threads = new EvaluationThreads(count, new Uint8Array(32), () => {
    const ids: number[] = [];
    sent.push(ids);
    return {
      postMessage: (message) => {
        if ("body" in message) ids.push(message.id);
      },
      terminate: () => {},
      onmessage: null,
      onerror: null,
    };
  });
  const ask = (work: Work) =>
    void threads.answer(
      new Request("http://x/v1/rounds/0", { method: "POST" }),
      new Uint8Array(),
      { work, caller: "a" },
    );
  return { ask, counts: () => sent.map((ids) => ids.length) };
}

Deno.test("a call goes to the thread that will be through with it first", () => {
  const { ask, counts } = silentThreads(2);
  ask({ predictedMs: 2000, shards: 2 });
  ask({ predictedMs: 10, shards: 1 });
  ask({ predictedMs: 10, shards: 1 });
  // A light call passes a heavy one, so that two heavy ones count as much as two light.
  deepEqual(counts(), [2, 1]);
  ask({ predictedMs: 1000, shards: 1 });
  deepEqual(counts(), [2, 2]);
});

Deno.test("a key's light calls go to its own thread, until another is sooner by much", () => {
  const { ask, counts } = silentThreads(3);
  const work = { predictedMs: 10, shards: 1, home: 3 * 7 + 1 };
  ask(work);
  ask(work);
  ask(work);
  deepEqual(counts(), [0, 3, 0]);
  ask(work);
  deepEqual(counts(), [1, 3, 0]);
  // Heavy ones spread.
  ask({ ...work, predictedMs: 1000 });
  deepEqual(counts(), [1, 3, 1]);
});

Deno.test("threads that end one after another are started with pauses, then given up", () => {
  const realSetTimeout = globalThis.setTimeout;
  const pauses: (() => void)[] = [];
  const pausesMs: number[] = [];
  globalThis.setTimeout = ((again: () => void, ms: number) => {
    pauses.push(again);
    pausesMs.push(ms);
  }) as unknown as typeof setTimeout;
  const workers: ThreadWorker[] = [];
  let gaveUp = 0;
  new EvaluationThreads(1, new Uint8Array(32), () => {
    const worker: ThreadWorker = {
      postMessage: () => {},
      terminate: () => {},
      onmessage: null,
      onerror: null,
    };
    workers.push(worker);
    return worker;
  }, () => gaveUp++);
  const end = () =>
    workers.at(-1)!.onerror!({ message: "over", preventDefault: () => {} });
  end();
  equal(workers.length, 2);
  while (pauses.length < 5) {
    end();
    equal(workers.length, pauses.length + 1);
    pauses.at(-1)!();
  }
  globalThis.setTimeout = realSetTimeout;
  deepEqual(pausesMs, [200, 400, 800, 1600, 3200]);
  equal(gaveUp, 0);
  end();
  equal(gaveUp, 1);
});
