/**
 * Runtime: Deno, Node and Bun. Nothing is imported, so that browsers can load this
 * module too; Deno's Web Workers would keep the process from ending.
 *
 * @module
 */
import { entryUrl, type StartWorker } from "./worker_port.ts";
import type { WorkerReply } from "./worker_tasks.ts";

/** What is used of `node:worker_threads`. */
interface NodeWorker {
  on(event: "message", listener: (reply: WorkerReply) => void): void;
  on(event: "error" | "exit", listener: () => void): void;
  postMessage(message: unknown): void;
  ref(): void;
  unref(): void;
  terminate(): unknown;
}

interface Runtime {
  process?: {
    getBuiltinModule?(name: "node:worker_threads"): {
      Worker: new (entry: URL) => NodeWorker;
    };
    getBuiltinModule?(name: "node:os"): { availableParallelism?(): number };
    getBuiltinModule?(name: "node:fs"): { existsSync(path: URL): boolean };
  };
  Deno?: {
    permissions: {
      querySync(descriptor: { name: "read"; path: URL }): { state: string };
    };
  };
}

const runtime = globalThis as unknown as Runtime;

/** Number of processors that the process may use; null in a browser. */
export function nodeParallelism(): number | null {
  const os = runtime.process?.getBuiltinModule?.("node:os");
  return os ? os.availableParallelism?.() ?? 1 : null;
}

/** Starts a thread by `node:worker_threads`. */
export const startNodeWorker: StartWorker = (events) => {
  const threads = runtime.process?.getBuiltinModule?.("node:worker_threads");
  const entry = entryUrl("./worker_node");
  if (!threads || entry.protocol !== "file:") return null;
  // Asking to read the entry would prompt the user.
  const permission = runtime.Deno?.permissions
    .querySync({ name: "read", path: entry }).state ?? "granted";
  if (permission !== "granted") return null;
  // A bundle comes without the entry; Deno would complain aloud.
  const files = runtime.process?.getBuiltinModule?.("node:fs");
  if (!files?.existsSync(entry)) return null;
  const worker = new threads.Worker(entry);
  worker.on("message", (reply) => events.reply(reply));
  worker.on("error", () => events.failed());
  worker.on("exit", () => events.failed());
  return {
    post: (request) => worker.postMessage(request),
    keepAlive: (awaited) => awaited ? worker.ref() : worker.unref(),
    terminate: () => void worker.terminate(),
  };
};
