/**
 * Entry of a worker thread. Runtime: Deno, Node and Bun (`node:worker_threads`).
 *
 * @module
 */
import { parentPort } from "node:worker_threads";
import { TaskRunner } from "./worker_tasks.ts";

const runner = new TaskRunner((reply) => parentPort?.postMessage(reply));
parentPort?.on("message", (request) => runner.accept(request));
