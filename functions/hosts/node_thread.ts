/**
 * A thread of `EvaluationThreads` in Node.
 *
 * @module
 */
import { parentPort } from "node:worker_threads";
import { answerCalls } from "../threads/thread_calls.ts";
import { nodeOptions } from "./node_options.ts";

const accept = answerCalls(
  (reply, transfer) => parentPort!.postMessage(reply, transfer),
  (sealingKey) => nodeOptions(sealingKey, false),
);
parentPort!.on("message", accept);
