/** The functions as separate processes on loopback, as a gateway meets them. */
/** The trained models, and the package of the paper's network. */
export const zooFolder = new URL("../models/zoo", import.meta.url).pathname;
export const lenetFolder = `${zooFolder}/lenet-mnist/package`;

export interface FunctionsProcess extends AsyncDisposable {
  url: string;
}

/**
 * Serves the packages of `models` (a folder of package folders) by `deno serve`.
 *
 * @param threads that evaluate, one a core by default
 * @throws {Error} if the server does not answer within 30 s
 */
export async function startFunctions(
  { models, threads = navigator.hardwareConcurrency }: {
    models: string;
    threads?: number;
  },
): Promise<FunctionsProcess> {
  const port = freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "serve",
      "--allow-all",
      "--quiet",
      "--host=127.0.0.1",
      `--port=${port}`,
      new URL("../functions/main.ts", import.meta.url).pathname,
    ],
    env: {
      CIPHERLAYER_THREADS: String(threads),
      CIPHERLAYER_KV: ":memory:",
      CIPHERLAYER_MODELS: models,
      CIPHERLAYER_SEALING_KEY: "7".repeat(64),
      CIPHERLAYER_INSECURE_KEYS: "1",
    },
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  const stop = async () => {
    child.kill("SIGKILL");
    await child.status;
  };
  try {
    await untilHealthy(url);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, [Symbol.asyncDispose]: stop };
}

async function untilHealthy(url: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (;;) {
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
