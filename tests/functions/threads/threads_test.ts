import { deepEqual, equal, rejects } from "node:assert/strict";
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

Deno.test("a call goes to the thread that will be through with it first", () => {
  const sent: number[][] = [];
  const threads = new EvaluationThreads(2, new Uint8Array(32), () => {
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
  const ask = (predictedMs: number, shards = 1) =>
    void threads.answer(
      new Request("http://x/v1/rounds/0", { method: "POST" }),
      new Uint8Array(),
      { work: { predictedMs, shards }, caller: "a" },
    );
  ask(2000, 2);
  ask(10);
  ask(10);
  // A light call passes a heavy one, so that two heavy ones count as much as two light.
  deepEqual(sent.map((ids) => ids.length), [2, 1]);
  ask(1000);
  deepEqual(sent.map((ids) => ids.length), [2, 2]);
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
