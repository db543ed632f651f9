/** The functions as operators run them: a process. */
import { fileURLToPath } from "node:url";
import type { Functions } from "./gateway.ts";

const main = fileURLToPath(new URL("../../functions/main.ts", import.meta.url));

/** `deno serve functions/main.ts` on a free port, until disposed of. */
export async function serve(environment: Record<string, string>) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["serve", "-A", "--host=127.0.0.1", "--port=0", main],
    env: { NO_COLOR: "1", ...environment },
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let printed = "";
  const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let url: string | undefined;
  while (!url) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`The server ended: ${printed}`);
    printed += value;
    url = /http:\/\/127\.0\.0\.1:\d+/.exec(printed)?.[0];
  }
  return {
    url,
    printed: () => printed,
    functions: {
      request: (path: string, init: RequestInit) => fetch(url + path, init),
    } satisfies Functions,
    get: (path: string) => fetch(url + path),
    async [Symbol.asyncDispose]() {
      child.kill();
      await Promise.all([reader.cancel(), child.status]);
    },
  };
}
