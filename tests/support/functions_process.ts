/** The functions as operators run them: a process that serves packages over HTTP. */
import { fileURLToPath } from "node:url";
import { writePackage } from "../../models/package/read_package.ts";
import type { ModelPackage } from "../../models/package/format.ts";

const main = fileURLToPath(new URL("../../functions/main.ts", import.meta.url));

export interface FunctionsProcess extends AsyncDisposable {
  url: string;
  port: number;
  child: Deno.ChildProcess;
}

/** A folder of packages until disposed of. */
export async function modelFolder(
  ...models: ModelPackage[]
): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir();
  for (const model of models) {
    await writePackage(`${path}/${model.manifest.name}`, model);
  }
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/**
 * Serves `models` on `port`, 0 for any free one.
 *
 * @throws {Error} with what the process printed, if it ends
 */
export async function startFunctions(
  models: string,
  environment: Record<string, string>,
  port = 0,
): Promise<FunctionsProcess> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["serve", "-A", "--host=127.0.0.1", `--port=${port}`, main],
    env: {
      CIPHERLAYER_MODELS: models,
      CIPHERLAYER_SEALING_KEY: "07".repeat(32),
      CIPHERLAYER_INSECURE_KEYS: "1",
      CIPHERLAYER_STATE: "kv::memory:",
      NO_COLOR: "1",
      ...environment,
    },
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let printed = "";
  let url: string | undefined;
  while (!url) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`The functions ended: ${printed}`);
    printed += value;
    url = /http:\/\/127\.0\.0\.1:\d+/.exec(printed)?.[0];
  }
  return {
    url,
    port: Number(new URL(url).port),
    child,
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended.
      }
      await Promise.all([reader.cancel(), child.status]);
    },
  };
}
