/**
 * The functions on Node 20 or later. From the environment, beside what
 * `settings/options.ts` reads:
 *
 * - `CIPHERLAYER_MODELS`: folder of model packages, or a package;
 * - `CIPHERLAYER_ACCESS`: who may call, a file, read again when it changes, or its
 *   text;
 * - `CIPHERLAYER_STATE`: as on Deno, without Deno KV; or `folder:PATH`, in which spent
 *   tokens alone are remembered, by all processes of the machine; default: a folder that
 *   ends with the process;
 * - `CIPHERLAYER_THREADS`: threads that evaluate, default one a processor;
 * - `CIPHERLAYER_SESSIONS_PER_MINUTE` (default 120), `CIPHERLAYER_CALLS_PER_MINUTE`,
 *   `CIPHERLAYER_SEALED_MS_PER_MINUTE`, `CIPHERLAYER_SEALED_BYTES_PER_MINUTE`,
 *   `CIPHERLAYER_CALLS_AT_ONCE`, `CIPHERLAYER_WAITING_CALLS`, `CIPHERLAYER_STORE` (no
 *   folder), `CIPHERLAYER_OWNER_KEYS`, `CIPHERLAYER_METRICS`, `CIPHERLAYER_BUDGET_...`:
 *   as on Deno; rates are counted by the process where the state is a folder.
 *
 * @module
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer as createTlsServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { Worker } from "node:worker_threads";
import { createAdaptorServer, type HttpBindings } from "@hono/node-server";
import { selectKernel } from "../../sdk/paillier/public/select_kernel.ts";
import { platformRandom } from "../../sdk/support/random.ts";
import { callerNetwork } from "../admission/address.ts";
import {
  gateFrom,
  ratesFrom,
  sealingKeyFrom,
  threadsFrom,
} from "../settings/options.ts";
import { telemetryFrom } from "../settings/telemetry.ts";
import { createApp } from "../app.ts";
import { EvaluationThreads, type ThreadWorker } from "../threads/threads.ts";
import {
  type CertificateFiles,
  readCertificate,
  watchCertificate,
} from "./certificate.ts";
import { nodeOptions } from "./node_options.ts";
import { Settings } from "../settings/settings.ts";

/** Where the functions listen. */
export interface NodeAddress {
  hostname: string;
  /** 0 for a free one. */
  port: number;
  /** Speaks TLS with it. Default: plain HTTP. */
  certificate?: CertificateFiles;
}

/** A client that has connected has so long to agree on TLS. */
const handshakeMs = 10_000;
/** Calls get this long to end: less than orchestrators wait before they kill (30 s). */
const deadlineMs = 25_000;

/**
 * Serves the functions until SIGINT or SIGTERM ends the process.
 *
 * @throws {RangeError} for a setting that makes no sense
 * @throws {FileError} for a certificate or key that cannot be used
 * @throws {Error} where the port is taken
 */
export async function startNodeServer(
  { hostname, port, certificate: files }: NodeAddress,
): Promise<void> {
  const certificate = files && await readCertificate(files);
  const { env } = process;
  const settings = new Settings(env, "node");
  const sealingKey = keyOf(settings);
  const threads = threadsFrom(settings, availableParallelism());
  if (!env.CIPHERLAYER_STATE) {
    const folder = mkdtempSync(join(tmpdir(), "cipherlayer-spent-"));
    env.CIPHERLAYER_STATE = `folder:${folder}`;
    process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  }

  const kernel = selectKernel();
  const gate = gateFrom(settings, threads);
  const options = await nodeOptions(sealingKey, true);
  const app = createApp({
    ...options,
    kernel,
    gate,
    rates: ratesFrom(settings, options.budget.store),
    ...telemetryFrom(settings, gate),
    address: remoteAddress,
    threads: threads > 1
      ? new EvaluationThreads(threads, sealingKey, startThread)
      : undefined,
  });
  const server = createAdaptorServer({
    fetch: app.fetch,
    // The adapter's own Response lacks methods of Node's.
    overrideGlobalObjects: false,
    ...certificate && {
      createServer: createTlsServer,
      serverOptions: { ...certificate, handshakeTimeout: handshakeMs },
    },
  });
  if (certificate) {
    watchCertificate(
      files,
      certificate,
      (renewed) => (server as Server).setSecureContext(renewed),
    );
  }
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, hostname, resolve);
  });
  const at = server.address() as AddressInfo;
  console.error(
    `Listening on ${
      urlOf(at, certificate ? "https" : "http")
    } with ${threads} threads and the ${kernel.name} kernel`,
  );

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      // Calls under way are answered; a second signal ends at once.
      if (gate.draining) process.exit(1);
      gate.drain();
      server.close(() => process.exit(0));
      setTimeout(() => process.exit(1), deadlineMs).unref();
    });
  }
}

/** Where a call comes from, by what the adapter passes to `fetch`. */
function remoteAddress(host: unknown): string | undefined {
  const { incoming } = host as HttpBindings;
  return callerNetwork(incoming.socket.remoteAddress);
}

function urlOf({ address, port }: AddressInfo, scheme: string): string {
  return `${scheme}://${
    address.includes(":") ? `[${address}]` : address
  }:${port}/`;
}

/** The thread's entry lies beside this module, bundled or not. */
function startThread(): ThreadWorker {
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf("."));
  const entry = new URL(`./node_thread${extension}`, import.meta.url);
  const worker = new Worker(entry);
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

function keyOf(settings: Settings): Uint8Array {
  const text = settings.text("CIPHERLAYER_SEALING_KEY");
  if (text) return sealingKeyFrom(text);
  console.error(
    "CIPHERLAYER_SEALING_KEY is not set: using a random one. Sessions end when this process does, and other instances refuse its tokens.",
  );
  return platformRandom(32);
}
