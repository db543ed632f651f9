/**
 * Builds the page, and serves it and the functions from one loopback address:
 * `deno task web [port]`.
 *
 * @module
 */
import { Hono } from "hono";
import { compress } from "hono/compress";
import { startFunctions } from "../demo/server_process.ts";
import { buildPage, pageFiles } from "./build.ts";
import { writeModels } from "./models.ts";

const types: Record<string, string> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  txt: "text/plain; charset=utf-8",
};

/** A page and functions that are being served. */
interface Served extends AsyncDisposable {
  url: string;
}

/**
 * Serves the page of `folder` on a loopback port, and passes what the functions are
 * asked on to them: separate processes, which may not read the browser's files.
 *
 * @param port 0: any free one
 */
async function servePage(
  folder: string,
  { port, signal }: { port: number; signal: AbortSignal },
): Promise<Served> {
  await using starting = new AsyncDisposableStack();
  const models = await Deno.makeTempDir();
  starting.defer(() => Deno.remove(models, { recursive: true }));
  await writeModels(models);
  // The page has a switch for insecure keys, and says what they are worth.
  const functions = starting.use(
    await startFunctions({ insecureKeys: true, models, signal }),
  );
  const app = new Hono();
  app.post("/v1/*", async ({ req }) => {
    const { pathname, search } = new URL(req.url);
    return await fetch(new URL(pathname + search, functions.url), {
      method: "POST",
      headers: { "content-type": "application/cbor" },
      body: await req.arrayBuffer(),
      signal: req.raw.signal,
    });
  });
  app.get("*", compress());
  for (const name of pageFiles) {
    const body = await Deno.readFile(`${folder}/${name}`);
    const headers = {
      "content-type": types[name.split(".").at(-1)!],
      "cache-control": "no-cache",
      "x-content-type-options": "nosniff",
    };
    const path = name === "index.html" ? "/" : `/${name}`;
    app.get(path, () => new Response(body, { headers }));
  }
  const closing = new AbortController();
  const server = Deno.serve(
    {
      hostname: "127.0.0.1",
      port,
      onListen: () => {},
      signal: closing.signal,
    },
    app.fetch,
  );
  starting.defer(() => {
    // At once: browsers keep connections open.
    closing.abort();
    return server.finished;
  });
  const running = starting.move();
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Serves until SIGINT or SIGTERM; returns the exit code. */
async function main(args: string[]): Promise<number> {
  const port = Number(args[0] ?? 8000);
  if (args.length > 1 || !Number.isInteger(port) || port < 0 || port > 65535) {
    console.error("Usage: deno task web [port, by default 8000]");
    return args[0] === "--help" ? 0 : 2;
  }
  const stop = new AbortController();
  const stopped = new Promise<void>((resolve) =>
    stop.signal.addEventListener("abort", () => resolve())
  );
  const interrupt = () => stop.abort(new Error("interrupted"));
  Deno.addSignalListener("SIGINT", interrupt);
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", interrupt);
  const folder = await Deno.makeTempDir();
  try {
    await buildPage(folder, { signal: stop.signal });
    await using served = await servePage(folder, { port, signal: stop.signal });
    console.log(`The page is at ${served.url} (Ctrl-C stops)`);
    await stopped;
    return 0;
  } catch (error) {
    if (stop.signal.aborted) return 0;
    console.error(`error: ${(error as Error).message}`);
    return 1;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
