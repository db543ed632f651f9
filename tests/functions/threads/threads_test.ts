import { deepEqual, equal, rejects } from "node:assert/strict";
import { EvaluationThreads } from "../../../functions/threads/threads.ts";

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

Deno.test("a thread that ends: its calls may be tried again, and another thread takes them", async () => {
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
