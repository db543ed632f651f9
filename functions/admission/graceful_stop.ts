/**
 * Runtime: Deno.
 *
 * @module
 */
import type { Gate } from "./gate.ts";

type Fetch = (
  request: Request,
  host: Deno.ServeHandlerInfo,
) => Response | Promise<Response>;

/** Calls get this long to end: less than orchestrators wait before they kill (30 s). */
const deadlineMs = 25_000;
/**
 * Answers get this long to leave the process once they are written: Deno does not
 * tell when the last byte has gone. One that is cut off is asked for again, and is
 * then the same.
 */
const lingerMs = 500;

/**
 * On SIGTERM or SIGINT lets no call in any more, lets those under way end, and exits
 * with 0; at a second signal, or after 25 seconds, with 1. Until then calls get 503,
 * over connections that close, so that clients and load balancers turn elsewhere.
 *
 * @returns the handler to serve in place of `fetch`
 */
export function stopGracefully(fetch: Fetch, gate: Gate): Fetch {
  const calls = new Set<Promise<void>>();
  const stop = async () => {
    if (gate.draining) Deno.exit(1);
    gate.drain();
    setTimeout(() => Deno.exit(1), deadlineMs);
    if (calls.size > 0) {
      // Calls that come meanwhile are waited for too: each is refused at once.
      while (calls.size > 0) await Promise.allSettled(calls);
      await new Promise((done) => setTimeout(done, lingerMs));
    }
    Deno.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, stop);
  }
  return async (request, host) => {
    const sent = host.completed.catch(() => {}).finally(() =>
      calls.delete(sent)
    );
    calls.add(sent);
    const response = await fetch(request, host);
    if (!gate.draining) return response;
    const headers = new Headers(response.headers);
    headers.set("connection", "close");
    return new Response(response.body, { status: response.status, headers });
  };
}
