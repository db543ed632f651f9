/**
 * Spreads calls over evaluation threads and restarts those that crash.
 *
 * @module
 */
import process from "node:process";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import type { Work } from "../admission/turns.ts";
import type { CallFacts } from "../telemetry/call_record.ts";
import { telemetryOf, withoutBytes } from "../telemetry/call_telemetry.ts";

/** Threads that may end one after another without an answer between, with pauses that double. */
const maxFailures = 6;
const firstPauseMs = 100;

/** What a call may wait for at the thread that has its key's tables, before it goes to another. */
const homeMs = 25;

/** To a thread: the key at first, then calls and their ends, and whether it still runs. */
export type ThreadMessage =
  | { sealingKey: Uint8Array }
  | ThreadCall
  | { abort: number }
  | { ping: number }
  /** A model whose active version may be another now. */
  | { changedModel: string };

/** A POST request, its body read. */
export interface ThreadCall {
  id: number;
  url: string;
  headers: [name: string, value: string][];
  body: ArrayBuffer;
  /** Whom it counts for. */
  caller: string;
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
  /** Predicted milliseconds of each call that is evaluated, by request. */
  work: Map<Request, number>;
}

/** What a call of `predictedMs` will wait for: longer ones let it pass (`TimeSlices`). */
function aheadMs({ work }: Thread, predictedMs: number): number {
  let sum = 0;
  for (const ms of work.values()) sum += Math.min(ms, predictedMs);
  return sum;
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
  readonly #count: number;
  readonly #giveUp: () => void;
  /** Threads that have ended since one answered. */
  #failures = 0;
  #nextId = 0;

  /**
   * @param startWorker on `answerCalls` of `thread_calls.ts`; default: a Web Worker
   * @param giveUp when threads end one after another; default: ends the process
   */
  constructor(
    count: number,
    sealingKey: Uint8Array,
    startWorker: () => ThreadWorker = startWebWorker,
    giveUp: () => void = () => process.exit(1),
  ) {
    this.#sealingKey = sealingKey;
    this.#count = count;
    this.#giveUp = giveUp;
    this.#startWorker = startWorker;
    this.#threads = Array.from({ length: count }, () => this.#start());
  }

  /**
   * Passes a POST request on to the thread that will be through with it first, or to
   * its key's own if that is about as soon.
   */
  async answer(
    request: Request,
    body: Uint8Array,
    { work, caller }: { work: Work; caller: string },
  ): Promise<Response> {
    if (this.#threads.length === 0) throw threadEnded();
    const callMs = Math.max(1, work.predictedMs / work.shards);
    const thread = this.#choose(callMs, work.home);
    const notes = telemetryOf(request);
    const reply = await notes.during("wait", async () => {
      thread.work.set(request, callMs);
      try {
        const reply = await this.#call(thread, request, body, caller);
        notes.takeOver(reply.facts);
        return reply;
      } finally {
        thread.work.delete(request);
      }
    });
    return new Response(reply.body, {
      status: reply.status,
      headers: reply.headers,
    });
  }

  #choose(callMs: number, home?: number): Thread {
    const waits = this.#threads.map((thread, i) =>
      aheadMs(thread, callMs) -
      (home !== undefined && i === home % this.#threads.length ? homeMs : 0)
    );
    return this.#threads[waits.indexOf(Math.min(...waits))];
  }

  /** Resolves when every thread has said that it is ready for calls. */
  async ping(): Promise<void> {
    if (this.#threads.length < this.#count) throw threadEnded();
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
    caller: string,
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
        caller,
      });
      return await reply.promise;
    } finally {
      thread.calls.delete(id);
      request.signal.removeEventListener("abort", abort);
    }
  }

  /** Has every thread look up the active version of a model anew. */
  announceChange(model: string): void {
    for (const { worker } of this.#threads) {
      worker.postMessage({ changedModel: model });
    }
  }

  #start(): Thread {
    const worker = this.#startWorker();
    const thread: Thread = { worker, calls: new Map(), work: new Map() };
    worker.onmessage = ({ data }) => {
      this.#failures = 0;
      thread.calls.get(data.id)?.resolve(data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      this.#replace(thread, withoutBytes(event.message));
      for (const call of thread.calls.values()) {
        call.reject(threadEnded());
      }
    };
    worker.postMessage({ sealingKey: this.#sealingKey });
    return thread;
  }

  /** Starts another thread, the later the more have ended without an answer between. */
  #replace(thread: Thread, why: string): void {
    const place = this.#threads.indexOf(thread);
    if (place < 0) return;
    this.#threads.splice(place, 1);
    const failures = this.#failures++;
    if (failures >= maxFailures) {
      console.error(
        `A thread ended (${why}), as did ${failures} before: giving up`,
      );
      this.#giveUp();
      return;
    }
    console.error(`A thread ended (${why}): starting another`);
    const again = () => void this.#threads.push(this.#start());
    if (failures === 0) again();
    else setTimeout(again, firstPauseMs * 2 ** failures);
  }
}

function threadEnded(): CipherlayerError {
  return new CipherlayerError(
    "server-fault",
    "Cannot answer: the thread that evaluated the call ended",
    { retryable: true },
  );
}

function startWebWorker(): ThreadWorker {
  const entry = new URL("./thread.ts", import.meta.url);
  return new Worker(entry, { type: "module" }) as unknown as ThreadWorker;
}
