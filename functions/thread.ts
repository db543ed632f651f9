/**
 * One of the threads behind `EvaluationThreads`: the same application, called by
 * messages. Its first message is the sealing key.
 *
 * @module
 */
import type { Hono } from "hono";
import { createApp } from "./app.ts";
import { optionsFromEnvironment } from "./environment.ts";
import type { ThreadCall, ThreadMessage, ThreadReply } from "./threads.ts";

const thread = self as unknown as {
  onmessage: (event: MessageEvent<ThreadMessage>) => void;
  postMessage: (reply: ThreadReply, transfer: Transferable[]) => void;
};

let app: Promise<Hono> | undefined;
const calls = new Map<number, AbortController>();

async function answer({ id, url, headers, body }: ThreadCall): Promise<void> {
  const controller = new AbortController();
  calls.set(id, controller);
  const request = new Request(url, {
    method: "POST",
    headers,
    body,
    signal: controller.signal,
  });
  const response = await (await app!).fetch(request);
  const content = await response.arrayBuffer();
  calls.delete(id);
  thread.postMessage({
    id,
    status: response.status,
    headers: [...response.headers],
    body: content,
  }, [content]);
}

thread.onmessage = ({ data }) => {
  if ("sealingKey" in data) {
    app = optionsFromEnvironment(data.sealingKey).then(createApp);
  } else if ("abort" in data) calls.get(data.abort)?.abort();
  else void answer(data);
};
