import { CipherlayerError } from "../../sdk/support/errors.ts";
import {
  type CallFacts,
  telemetryOf,
  withoutBytes,
} from "../telemetry/call_telemetry.ts";

/** To a thread: the key at first, then calls and their ends, and whether it still runs. */
export type ThreadMessage =
  | { sealingKey: Uint8Array }
  | ThreadCall
  | { abort: number }
  | { ping: number };

/** A POST request, its body read. */
export interface ThreadCall {
  id: number;
  url: string;
  headers: [name: string, value: string][];
  body: ArrayBuffer;
}

export interface ThreadReply {
  id: number;
  status: number;
  headers: [name: string, value: string][];
  body: ArrayBuffer;
  /** What telemetry may know of the call. */
  facts: CallFacts;
}

/** As much of a `Worker` as is used. */
export interface ThreadWorker {
  postMessage(message: ThreadMessage): void;
  terminate(): void;
  terminate(): unknown;
  onmessage: ((event: { data: ThreadReply }) => void) | null;
  onerror:
    | ((event: { message: string; preventDefault(): void }) => void)
    | null;
}

interface Thread {
  worker: ThreadWorker;
  /** Calls under way, by id: what to do with their answers. */
  calls: Map<number, PromiseWithResolvers<ThreadReply>>;
}

/**
 * Threads that evaluate rounds for one listener, so that the shards of a round
 * never wait for each other while a processor is idle (connections that the kernel
 * hands to `deno serve --parallel` may meet in one isolate).
 */
export class EvaluationThreads {
  readonly #threads: Thread[];
  readonly #sealingKey: Uint8Array;
  readonly #startWorker: () => ThreadWorker;
  #nextId = 0;

  /** @param startWorker on `answerCalls` of `thread_calls.ts`; default: a Web Worker */
  constructor(
    count: number,
    sealingKey: Uint8Array,
    startWorker: () => ThreadWorker = startWebWorker,
  ) {
    this.#sealingKey = sealingKey;
    this.#startWorker = startWorker;
    this.#threads = Array.from({ length: count }, () => this.#start());
  }

  /** Passes a POST request on to the thread with the fewest calls under way. */
  async answer(request: Request, body: Uint8Array): Promise<Response> {
    const thread = this.#threads.reduce((min, other) =>
      other.calls.size < min.calls.size ? other : min
    );
    const notes = telemetryOf(request);
    notes.enter("wait");
    const reply = await this.#call(thread, request, body);
    notes.takeOver(reply.facts);
    return new Response(reply.body, {
      status: reply.status,
      headers: reply.headers,
    });
  }

  /**
   * Shows a session's start to every thread: what they hold for each key (tables of
   * re-randomisation) is then made before its first round comes.
   */
  announce(request: Request, body: Uint8Array): void {
    for (const thread of this.#threads) {
      // A thread that fails here will fail its calls too, and say so there.
      this.#call(thread, request, body).catch(() => {});
    }
  }

  /** Resolves when every thread has said that it is ready for calls. */
  async ping(): Promise<void> {
    await Promise.all(this.#threads.map(async ({ worker, calls }) => {
      const id = this.#nextId++;
      const reply = Promise.withResolvers<ThreadReply>();
      calls.set(id, reply);
      try {
        worker.postMessage({ ping: id });
        await reply.promise;
      } finally {
        calls.delete(id);
      }
    }));
  }

  /** Ends the threads; calls under way are lost. */
  close(): void {
    for (const { worker } of this.#threads) worker.terminate();
  }

  async #call(
    thread: Thread,
    request: Request,
    body: Uint8Array,
  ): Promise<ThreadReply> {
    const id = this.#nextId++;
    const reply = Promise.withResolvers<ThreadReply>();
    thread.calls.set(id, reply);
    const abort = () => thread.worker.postMessage({ abort: id });
    request.signal.addEventListener("abort", abort);
    try {
      thread.worker.postMessage({
        id,
        url: request.url,
        headers: [...request.headers],
        body: body.slice().buffer,
      });
      return await reply.promise;
    } finally {
      thread.calls.delete(id);
      request.signal.removeEventListener("abort", abort);
    }
  }

  #start(): Thread {
    const worker = this.#startWorker();
    const thread: Thread = { worker, calls: new Map() };
    worker.onmessage = ({ data }) => thread.calls.get(data.id)?.resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      const why = withoutBytes(event.message);
      console.error(`A thread ended (${why}): starting another`);
      const place = this.#threads.indexOf(thread);
      if (place >= 0) this.#threads[place] = this.#start();
      for (const call of thread.calls.values()) {
        call.reject(
          new CipherlayerError(
            "server-fault",
            "Cannot answer: the thread that evaluated the call ended",
            { retryable: true },
          ),
        );
      }
    };
    worker.postMessage({ sealingKey: this.#sealingKey });
    return thread;
  }
}

function startWebWorker(): ThreadWorker {
  const entry = new URL("./thread.ts", import.meta.url);
  return new Worker(entry, { type: "module" }) as unknown as ThreadWorker;
}
