/**
 * Entry of a Web Worker. Runtime: browsers.
 *
 * @module
 */
import { TaskRunner, type WorkerReply } from "./worker_tasks.ts";

/** What is used of DedicatedWorkerGlobalScope, whose types exclude those of the main thread. */
const scope = globalThis as unknown as {
  postMessage(reply: WorkerReply): void;
  addEventListener(
    type: "message",
    listener: (event: MessageEvent) => void,
  ): void;
};

const runner = new TaskRunner((reply) => scope.postMessage(reply));
scope.addEventListener("message", ({ data }) => runner.accept(data));
