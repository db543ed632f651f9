/**
 * Runs the functions as separate processes on loopback.
 *
 * @module
 */
/** The functions as separate processes on loopback, as a gateway meets them. */
/** The trained models, and the package of the paper's network. */
import { fileURLToPath } from "node:url";
export const zooFolder = fileURLToPath(
  new URL("../../models/zoo", import.meta.url),
);
export const lenetFolder = `${zooFolder}/lenet-mnist/package`;

export interface FunctionsProcess extends AsyncDisposable {
  url: string;
  port: number;
  pid: number;
  /** Resolves when the process has ended, for whatever reason. */
  ended: Promise<unknown>;
  kill(signal: Deno.Signal): void;
}

/** How a process of the functions is started. */
export interface FunctionsOptions {
  /** Folder of package folders. */
  models: string;
  /** That evaluate, one a core by default. */
  threads?: number;
  /** What processes share, as `CIPHERLAYER_STATE`; by default each has its own. */
  state?: string;
  /** What `deno serve` runs; default: the functions as operators run them. */
  entry?: string;
  /** Environment beside what follows from the other options. */
  environment?: Record<string, string>;
}

/**
 * Serves the packages of `models` by `deno serve`.
 *
 * @throws {Error} if the server does not answer within 30 s
 */
export async function startFunctions(
  options: FunctionsOptions,
): Promise<FunctionsProcess> {
  const {
    models,
    threads = navigator.hardwareConcurrency,
    state = "kv::memory:",
    entry = fileURLToPath(new URL("../../functions/main.ts", import.meta.url)),
    environment = {},
  } = options;
  const port = freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "serve",
      "--allow-all",
      "--quiet",
      "--host=127.0.0.1",
      `--port=${port}`,
      entry,
    ],
    env: {
      CIPHERLAYER_THREADS: String(threads),
      CIPHERLAYER_STATE: state,
      CIPHERLAYER_MODELS: models,
      CIPHERLAYER_SEALING_KEY: "7".repeat(64),
      CIPHERLAYER_INSECURE_KEYS: "1",
      ...environment,
    },
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  let running = true;
  const ended = child.status.then(() => running = false);
  const kill = (signal: Deno.Signal) => {
    if (running) child.kill(signal);
  };
  const stop = async () => {
    kill("SIGKILL");
    await ended;
  };
  try {
    await untilHealthy(url, () => running);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    port,
    pid: child.pid,
    ended,
    kill,
    [Symbol.asyncDispose]: stop,
  };
}

async function untilHealthy(
  url: string,
  running: () => boolean,
): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    if (!running()) throw new Error("The functions ended before they answered");
    try {
      const response = await fetch(`${url}/healthz`);
      await response.body?.cancel();
      if (response.ok) return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
