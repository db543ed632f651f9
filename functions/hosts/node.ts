/**
 * The functions on Node 20 or later: `deno task serve --on node`, or written by
 * `--build` and started by `node functions.mjs`. From the environment, beside what
 * `settings/options.ts` reads:
 *
 * - `CIPHERLAYER_MODELS`: folder of model packages, read once;
 * - `CIPHERLAYER_ACCESS`: who may call, a file, read once, or its text;
 * - `CIPHERLAYER_SPENT_TOKENS`: folder in which spent tokens are remembered, shared
 *   by all processes of the machine; default: one that ends with the process;
 * - `CIPHERLAYER_THREADS`: threads that evaluate, default one a processor;
 * - `CIPHERLAYER_SESSIONS_PER_MINUTE` (default 120), `CIPHERLAYER_CALLS_PER_MINUTE`,
 *   `CIPHERLAYER_CALLS_AT_ONCE`, `CIPHERLAYER_WAITING_CALLS`: as on Deno, counted by
 *   each process for itself;
 * - `HOST` and `PORT`: where to listen, default 127.0.0.1 and 8000.
 *
 * @module
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { Worker } from "node:worker_threads";
import { type HttpBindings, serve } from "@hono/node-server";
import { selectKernel } from "../../sdk/paillier/public/select_kernel.ts";
import { platformRandom } from "../../sdk/support/random.ts";
import { callerNetwork } from "../admission/address.ts";
import {
  gateFrom,
  portableOptions,
  ratesFrom,
  threadsFrom,
} from "../settings/options.ts";
import { createApp } from "../app.ts";
import { MemoryBudgetStore } from "../admission/budget.ts";
import { EvaluationThreads, type ThreadWorker } from "../threads/threads.ts";
import { nodeOptions } from "./node_options.ts";
import { Settings } from "../settings/settings.ts";

const { env } = process;

await start().catch(fail);

function fail({ message }: Error): never {
  console.error(`error: ${message}`);
  process.exit(1);
}

async function start(): Promise<void> {
  const { CIPHERLAYER_ACCESS: access } = env;
  if (access && !access.trimStart().startsWith("{")) {
    // Its text in its place, for threads too, which start with a copy of the environment.
    env.CIPHERLAYER_ACCESS = readFileSync(access, "utf8");
  }
  const settings = new Settings(env, "node");
  const { sealingKey = randomKey() } = portableOptions(settings);
  const threads = threadsFrom(settings, availableParallelism());
  if (env.CIPHERLAYER_SPENT_TOKENS) {
    mkdirSync(env.CIPHERLAYER_SPENT_TOKENS, { recursive: true, mode: 0o700 });
  } else {
    const folder = mkdtempSync(join(tmpdir(), "cipherlayer-spent-"));
    env.CIPHERLAYER_SPENT_TOKENS = folder;
    process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  }

  const kernel = selectKernel();
  const gate = gateFrom(settings, threads);
  const app = createApp({
    ...await nodeOptions(sealingKey),
    kernel,
    gate,
    rates: ratesFrom(settings, new MemoryBudgetStore()),
    address: remoteAddress,
    threads: threads > 1
      ? new EvaluationThreads(threads, sealingKey, startThread)
      : undefined,
  });
  const server = serve({
    fetch: app.fetch,
    hostname: env.HOST ?? "127.0.0.1",
    port: Number(env.PORT ?? 8000),
    // The adapter's own Response lacks methods of Node's.
    overrideGlobalObjects: false,
  }, (at) =>
    console.error(
      `Listening on http://${at.address}:${at.port}/ with ${threads} threads and the ${kernel.name} kernel`,
    ));
  server.on("error", fail);

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      // Calls under way are answered; a second signal ends at once.
      if (gate.draining) process.exit(1);
      gate.drain();
      server.close(() => process.exit(0));
    });
  }
}

/** Where a call comes from, by what the adapter passes to `fetch`. */
function remoteAddress(host: unknown): string | undefined {
  const { incoming } = host as HttpBindings;
  return callerNetwork(incoming.socket.remoteAddress);
}

/** `thread.mjs` is `node_thread.ts`, bundled. */
function startThread(): ThreadWorker {
  const worker = new Worker(new URL("./thread.mjs", import.meta.url));
  const thread: ThreadWorker = {
    postMessage: (message) => worker.postMessage(message),
    terminate: () => void worker.terminate(),
    onmessage: null,
    onerror: null,
  };
  worker.on("message", (data) => thread.onmessage?.({ data }));
  worker.on(
    "error",
    ({ message }: Error) =>
      thread.onerror?.({ message, preventDefault: () => {} }),
  );
  return thread;
}

function randomKey(): Uint8Array {
  console.error(
    "CIPHERLAYER_SEALING_KEY is not set: using a random one. Sessions end when this process does, and other instances refuse its tokens.",
  );
  return platformRandom(32);
}
