import { fileURLToPath } from "node:url";
import { encodeHex } from "@std/encoding/hex";

/** The functions, running in a process of their own. */
export interface ServerProcess extends AsyncDisposable {
  url: URL;
}

const root = new URL("../../", import.meta.url);
const modelFolder = new URL("models/zoo/", root);
const maxLogCharacters = 4000;

/**
 * Starts the functions on a free loopback port and waits until they answer. The
 * process may read its code and models, and nothing else: no key of the gateway.
 *
 * @param options.insecureKeys whether they accept keys below 2048 bits
 * @param options.models folder of the packages that they serve @default the zoo
 * @throws {Error} with the end of what the process wrote, if it does not start
 */
export async function startFunctions(
  options: { insecureKeys: boolean; models?: string; signal: AbortSignal },
): Promise<ServerProcess> {
  const { signal, models = fileURLToPath(modelFolder) } = options;
  const sealingKey = crypto.getRandomValues(new Uint8Array(32));
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "serve",
      "--host=127.0.0.1",
      "--port=0",
      "--no-prompt",
      "--allow-net=127.0.0.1",
      "--allow-env",
      `--allow-read=${fileURLToPath(root)},${models}`,
      "functions/main.ts",
    ],
    cwd: root,
    env: {
      NO_COLOR: "1",
      CIPHERLAYER_SEALING_KEY: encodeHex(sealingKey),
      CIPHERLAYER_MODELS: models,
      // Sealed models are served to accounts whose labels somebody limits, or does not.
      CIPHERLAYER_BUDGET_PER_MODEL_DAY: "unlimited",
      ...(options.insecureKeys ? { CIPHERLAYER_INSECURE_KEYS: "1" } : {}),
    },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();

  const kill = () => {
    try {
      child.kill("SIGTERM");
    } catch {
      // It has ended already.
    }
  };
  signal.addEventListener("abort", kill, { once: true });
  const log = new ProcessLog(child.stderr);
  const stop = async () => {
    signal.removeEventListener("abort", kill);
    kill();
    await Promise.all([child.status, log.ended]);
  };

  try {
    const url = await log.address;
    signal.throwIfAborted();
    if (!url) {
      throw new Error(
        `Cannot start the functions: their process ended.\n${log.text.trim()}`,
      );
    }
    await checkHealth(url, signal);
    return { url, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * Makes sure that functions answer at `url`.
 *
 * @throws {Error} saying what happened instead
 */
export async function checkHealth(
  url: URL,
  signal: AbortSignal,
): Promise<void> {
  const base = url.href.endsWith("/") ? url.href : `${url.href}/`;
  let status: number;
  try {
    const health = await fetch(new URL("healthz", base), { signal });
    await health.body?.cancel();
    status = health.status;
  } catch (error) {
    signal.throwIfAborted();
    throw new Error(`Cannot reach ${url}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (status !== 200) {
    throw new Error(
      `Cannot use ${url}: expected functions there, but /healthz answers ${status}`,
    );
  }
}

/** Reads what the process writes, to the end, so that it is never blocked. */
class ProcessLog {
  /** The end of what was written. */
  text = "";
  /** Where it listens; null if it ended before it listened. */
  readonly address: Promise<URL | null>;
  readonly ended: Promise<void>;

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    const { promise, resolve } = Promise.withResolvers<URL | null>();
    this.address = promise;
    this.ended = this.#read(stream, resolve);
  }

  async #read(
    stream: ReadableStream<Uint8Array<ArrayBuffer>>,
    found: (url: URL | null) => void,
  ): Promise<void> {
    for await (const part of stream.pipeThrough(new TextDecoderStream())) {
      this.text = (this.text + part).slice(-maxLogCharacters);
      const match = /Listening on (http:\/\/127\.0\.0\.1:\d+\/)/
        .exec(this.text);
      if (match) found(new URL(match[1]));
    }
    found(null);
  }
}
