/**
 * One evaluation thread: the same application, called by messages.
 *
 * @module
 */
import type { Hono } from "hono";
import { Gate } from "../admission/gate.ts";
import { type AppOptions, createApp } from "../app.ts";
import { problemResponse } from "../http/problem.ts";
import { describeFault, telemetryOf } from "../telemetry/call_telemetry.ts";
import type { ThreadCall, ThreadMessage, ThreadReply } from "./threads.ts";

/**
 * One of the threads behind `EvaluationThreads`: the same application, called by
 * messages. Its first message is the sealing key.
 *
 * @param reply sends a message back; what is transferred is not used here any more
 * @param optionsWith what the application runs on
 * @returns what is to be called with each message
 */
export function answerCalls(
  reply: (message: ThreadReply, transfer: ArrayBuffer[]) => void,
  optionsWith: (sealingKey: Uint8Array) => Promise<AppOptions>,
): (message: ThreadMessage) => void {
  let app: Promise<Hono> | undefined;
  let options: Promise<AppOptions> | undefined;
  const calls = new Map<number, AbortController>();

  const answer = async (
    { id, url, headers, body, caller }: ThreadCall,
  ) => {
    const controller = new AbortController();
    calls.set(id, controller);
    const request = new Request(url, {
      method: "POST",
      headers,
      body,
      signal: controller.signal,
    });
    const response = await (await app!).fetch(request, { caller });
    const content = await response.arrayBuffer();
    calls.delete(id);
    reply({
      id,
      status: response.status,
      headers: [...response.headers],
      body: content,
      facts: telemetryOf(request).facts,
    }, [content]);
  };

  /** Answered once the application stands. */
  const pong = async (id: number) => {
    await app;
    const body = new ArrayBuffer();
    reply({ id, status: 204, headers: [], body, facts: { phases: [] } }, [
      body,
    ]);
  };

  return (message) => {
    if ("sealingKey" in message) {
      options = optionsWith(message.sealingKey);
      app = options.then((options) =>
        // What is known of a call goes back with its answer, to be told there.
        // Whose turn it is has been decided where the call came.
        createApp({
          ...options,
          observers: [],
          gate: openGate(),
          address: (host) => (host as Pick<ThreadCall, "caller">).caller,
        })
      );
    } else if ("abort" in message) calls.get(message.abort)?.abort();
    else if ("changedModel" in message) {
      void options?.then(({ deployments }) =>
        deployments?.models.refresh(message.changedModel)
      );
    } else if ("ping" in message) void pong(message.ping);
    else {
      // Nothing that a call brings may end the thread, and with it others' calls.
      answer(message).catch(async (error) => {
        calls.delete(message.id);
        const response = problemResponse(error);
        const body = await response.arrayBuffer();
        reply({
          id: message.id,
          status: response.status,
          headers: [...response.headers],
          body,
          facts: { phases: [], fault: describeFault(error) },
        }, [body]);
      });
    }
  };
}

function openGate(): Gate {
  return new Gate({
    running: Infinity,
    waiting: Infinity,
    perCaller: Infinity,
  });
}
