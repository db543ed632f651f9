/**
 * What the pool needs of a thread, whatever the runtime calls it.
 *
 * @module
 */
import type { WorkerReply, WorkerRequest } from "./worker_tasks.ts";

/** A running worker, whatever the runtime calls it. */
export interface WorkerPort {
  post(request: WorkerRequest): void;
  /** Whether the process should stay for its replies. */
  keepAlive(awaited: boolean): void;
  terminate(): void;
}

/** What a worker tells. */
export interface WorkerEvents {
  reply(reply: WorkerReply): void;
  /** It could not start, or has ended. */
  failed(): void;
}

/** Starts a worker; null where the runtime has none. */
export type StartWorker = (events: WorkerEvents) => WorkerPort | null;

/** Address of a worker's entry beside this module, which is compiled to `.js` in packages. */
export function entryUrl(name: string): URL {
  const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
  return new URL(name + extension, import.meta.url);
}
