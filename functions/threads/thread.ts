/**
 * A thread of `EvaluationThreads` as a Web Worker.
 *
 * @module
 */
import { denoOptions, readEnvironment } from "../settings/environment.ts";
import { answerCalls } from "./thread_calls.ts";
import type { ThreadMessage, ThreadReply } from "./threads.ts";

const thread = self as unknown as {
  onmessage: (event: MessageEvent<ThreadMessage>) => void;
  postMessage: (reply: ThreadReply, transfer: Transferable[]) => void;
};

const accept = answerCalls(
  (reply, transfer) => thread.postMessage(reply, transfer),
  (sealingKey) => denoOptions(readEnvironment(), sealingKey, false),
);
thread.onmessage = ({ data }) => accept(data);
