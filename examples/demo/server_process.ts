/**
 * The functions in a separate process. Runtime: Deno and Node.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { encodeHex } from "@std/encoding/hex";
import { zooFolder } from "../../models/package/zoo.ts";

/** The functions, running in a separate process. */
export interface ServerProcess extends AsyncDisposable {
  url: URL;
}

const maxLogCharacters = 4000;
/** Else in the npm package, whose modules are JavaScript. */
const inRepository = import.meta.url.endsWith(".ts");

/**
 * Starts the functions on a free loopback port and waits until they answer.
 *
 * @param options.insecureKeys whether they accept keys below 2048 bits
 * @param options.models folder of the packages that they serve @default the zoo
 * @throws {Error} with the end of what the process wrote, if it does not start
 */
export async function startFunctions(
  options: { insecureKeys: boolean; models?: string; signal: AbortSignal },
): Promise<ServerProcess> {
  const { signal, models = zooFolder } = options;
  const sealingKey = crypto.getRandomValues(new Uint8Array(32));
  const child = spawn(process.execPath, functionsArguments(models), {
    env: {
      ...process.env,
      NO_COLOR: "1",
      CIPHERLAYER_SEALING_KEY: encodeHex(sealingKey),
      CIPHERLAYER_MODELS: models,
      // Sealed models are served to accounts whose labels somebody limits, or does not.
      // Budgets need Deno KV; without one no model is served sealed.
      ...inRepository ? { CIPHERLAYER_BUDGET_PER_MODEL_DAY: "unlimited" } : {},
      ...(options.insecureKeys ? { CIPHERLAYER_INSECURE_KEYS: "1" } : {}),
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const kill = () => void child.kill("SIGTERM");
  signal.addEventListener("abort", kill, { once: true });
  const log = new ProcessLog(child);
  const stop = async () => {
    signal.removeEventListener("abort", kill);
    kill();
    await log.ended;
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
 * Arguments of this runtime. From the repository the process may read its code and
 * models, and nothing else: no key of the gateway. The npm package serves as its own
 * command does.
 */
function functionsArguments(models: string): string[] {
  if (!inRepository) {
    const serve = [process.argv[1], "serve", "--port", "0"];
    return "Deno" in globalThis ? ["run", "-A", ...serve] : serve;
  }
  const root = fileURLToPath(new URL("../../", import.meta.url));
  return [
    "serve",
    "--host=127.0.0.1",
    "--port=0",
    "--no-prompt",
    "--allow-net=127.0.0.1",
    "--allow-env",
    `--allow-read=${root},${models}`,
    `${root}functions/main.ts`,
  ];
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

  constructor(child: ChildProcess) {
    let found: (url: URL | null) => void;
    this.address = new Promise((resolve) => found = resolve);
    child.stderr!.setEncoding("utf8").on("data", (part: string) => {
      this.text = (this.text + part).slice(-maxLogCharacters);
      const match = /Listening on (http:\/\/127\.0\.0\.1:\d+\/)/
        .exec(this.text);
      if (match) found(new URL(match[1]));
    });
    this.ended = once(child, "close").then(() => found(null));
  }
}
