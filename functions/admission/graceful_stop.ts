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
/** The last answers get this long to leave, where the runtime does not see to that. */
const lingerMs = 5_000;

/**
 * On SIGTERM or SIGINT, `deno serve` takes no connections any more and ends the process
 * when the last answer has left. This lets it: no call is admitted from then on, those
 * under way end, and then `release` is called, to give up what would keep the process
 * alive. The exit code is 0; at a second signal, or after 25 seconds, 1.
 *
 * @returns the handler to serve in place of `fetch`
 */
export function stopGracefully(
  fetch: Fetch,
  gate: Gate,
  release: () => void,
): Fetch {
  const calls = new Set<Promise<void>>();
  const stop = async () => {
    if (gate.draining) Deno.exit(1);
    gate.drain();
    exitAfter(deadlineMs, 1);
    // Calls that come over open connections meanwhile are each refused at once.
    while (calls.size > 0) await Promise.allSettled(calls);
    release();
    exitAfter(lingerMs, 0);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, stop);
  }
  return (request, host) => {
    const answered = host.completed.catch(() => {}).finally(() =>
      calls.delete(answered)
    );
    calls.add(answered);
    return fetch(request, host);
  };
}

/** Unless the process ends before by itself. */
function exitAfter(timeMs: number, code: number): void {
  Deno.unrefTimer(setTimeout(() => Deno.exit(code), timeMs));
}
