/**
 * Serves an app on a port of this machine: for tests, examples and measurements.
 *
 * @module
 */

/** An app that is being served. */
export interface LocalServer extends AsyncDisposable {
  /** Without a slash at the end. */
  url: string;
  port: number;
  /** Takes no more calls, and lets those end that have begun. */
  shutdown(): Promise<void>;
}

/**
 * Serves what `handler` answers on the loopback interface.
 *
 * @param handler such as a Hono app's `fetch`; receives the address of the caller
 * @param port 0 for a free one
 */
export function serveLocally(
  handler: Deno.ServeHandler<Deno.NetAddr>,
  port = 0,
): LocalServer {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port, onListen: () => {} },
    handler,
  );
  const shutdown = () => server.shutdown();
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    port: server.addr.port,
    shutdown,
    [Symbol.asyncDispose]: shutdown,
  };
}
