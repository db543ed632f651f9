/**
 * Serves an app on a port of this machine, for a command that calls it itself.
 * Runtime: Deno and Node.
 *
 * @module
 */
import "./node_20.ts";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { type LocalServer, serveLocally } from "./serve_locally.ts";

/** @param fetch of a Hono app */
export async function openLoopbackServer(
  fetch: (request: Request) => Response | Promise<Response>,
): Promise<LocalServer> {
  if ("Deno" in globalThis) return serveLocally((request) => fetch(request));
  // The adapter's own Response lacks methods of Node's.
  const server = createAdaptorServer({ fetch, overrideGlobalObjects: false });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  const shutdown = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      if ("closeIdleConnections" in server) server.closeIdleConnections();
    });
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    shutdown,
    [Symbol.asyncDispose]: shutdown,
  };
}
