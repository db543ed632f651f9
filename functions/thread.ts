/**
 * One of the threads behind `EvaluationThreads`: the same application, called by
 * messages. Its first message is the sealing key.
 *
 * @module
 */
import type { Hono } from "hono";
import { createApp } from "./app.ts";
import { optionsFromEnvironment } from "./environment.ts";
import { notesOn } from "./telemetry/call_notes.ts";
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
    facts: notesOn(request).facts,
  }, [content]);
}

/** Answered once the application stands. */
async function pong(id: number): Promise<void> {
  await app;
  const body = new ArrayBuffer();
  const facts = { phases: [] };
  thread.postMessage({ id, status: 204, headers: [], body, facts }, [body]);
}

thread.onmessage = ({ data }) => {
  if ("sealingKey" in data) {
    app = optionsFromEnvironment(data.sealingKey).then((options) =>
      // What is known of a call goes back with its answer, to be told there.
      createApp({ ...options, observers: [] })
    );
  } else if ("abort" in data) calls.get(data.abort)?.abort();
  else if ("ping" in data) void pong(data.ping);
  else void answer(data);
};
