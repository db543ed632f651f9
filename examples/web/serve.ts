/**
 * Bundles the page, and serves it and the functions from one loopback address:
 * `deno task web [port]`.
 */
import { createApp } from "../../functions/app.ts";
import { FolderModelStore } from "../../functions/model_store.ts";

const root = new URL("../../", import.meta.url);
const entries = {
  "main.js": "examples/web/main.ts",
  "gateway_worker.js": "examples/web/gateway_worker.ts",
  // The SDK's own threads, which it looks for beside the module that uses it.
  "worker_web.js": "sdk/paillier/worker_web.ts",
};
const types: Record<string, string> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
};

/**
 * Writes the page into a folder that any static host can serve; functions elsewhere
 * are named with `?functions=https://...`.
 *
 * @throws {Error} with what the bundler said
 */
export async function buildPage(folder: string): Promise<void> {
  const bundles = Object.entries(entries).map(async ([name, entry]) => {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "bundle",
        "--platform=browser",
        "--minify",
        "--output",
        `${folder}/${name}`,
        entry,
      ],
      cwd: root,
      stdout: "null",
      stderr: "piped",
    }).output();
    if (!success) {
      throw new Error(
        `Cannot bundle ${entry}: ${new TextDecoder().decode(stderr)}`,
      );
    }
  });
  const copies = ["index.html", "style.css"].map((name) =>
    Deno.copyFile(new URL(name, import.meta.url), `${folder}/${name}`)
  );
  await Promise.all([...bundles, ...copies]);
}

/** A page and functions that are being served. */
export interface Served extends AsyncDisposable {
  url: string;
}

/**
 * Serves the page of `folder` and functions for it on a loopback port.
 *
 * @param port 0: any free one
 */
export async function servePage(folder: string, port: number): Promise<Served> {
  const app = createApp({
    models: new FolderModelStore(new URL("models/zoo", root).pathname),
    sealingKey: crypto.getRandomValues(new Uint8Array(32)),
    // The page has a switch for them, and says what they are worth.
    insecureKeys: true,
  });
  const names = ["index.html", "style.css", ...Object.keys(entries)];
  for (const name of names) {
    const body = await Deno.readFile(`${folder}/${name}`);
    const headers = {
      "content-type": types[name.split(".").at(-1)!],
      "cache-control": "no-cache",
      "x-content-type-options": "nosniff",
    };
    const paths = name === "index.html" ? ["/", "/index.html"] : [`/${name}`];
    for (const path of paths) {
      app.get(path, () => new Response(body, { headers }));
    }
  }
  const server = Deno.serve(
    { hostname: "127.0.0.1", port, onListen: () => {} },
    app.fetch,
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

if (import.meta.main) {
  const port = Number(Deno.args[0] ?? 8000);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    console.error("Usage: deno task web [port]");
    Deno.exit(2);
  }
  const folder = await Deno.makeTempDir();
  try {
    await buildPage(folder);
    await using served = await servePage(folder, port);
    console.log(`The page is at ${served.url} (Ctrl-C stops)`);
    await new Promise<void>((stop) => {
      Deno.addSignalListener("SIGINT", stop);
      if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", stop);
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  Deno.exit(0);
}
