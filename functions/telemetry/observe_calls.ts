/**
 * Observes every call and gives it an id.
 *
 * @module
 */
import type { Context, MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";
import {
  codeOf,
  describeFault,
  preciseNow,
  telemetryOf,
} from "./call_telemetry.ts";
import type { CallObserver, CallRecord } from "./call_record.ts";

const methods = new Set([
  "GET",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "HEAD",
  "OPTIONS",
]);

/**
 * Tells the observers of every call and names it: a fresh id in `x-request-id`. An
 * id that a client sends is not used: it could link calls, or carry anything.
 */
export function observeCalls(
  observers: readonly CallObserver[],
): MiddlewareHandler {
  return async (c, next) => {
    const startedMs = preciseNow();
    const requestId = crypto.randomUUID();
    for (const observer of observers) observer.begin?.();
    try {
      await next();
      c.res.headers.set("x-request-id", requestId);
    } finally {
      const record = recordOf(c, requestId, startedMs);
      for (const observer of observers) observer.end(record);
    }
  };
}

function recordOf(
  c: Context,
  requestId: string,
  startedMs: number,
): CallRecord {
  const notes = telemetryOf(c.req.raw);
  const durationMs = Math.max(0, notes.leave() - startedMs);
  const { facts } = notes;
  const { status } = c.res;
  const code = outcomeOf(c, facts.code);
  notes.add({ code });
  if (c.error && code === "server-fault") {
    notes.add({ fault: describeFault(c.error) });
  }
  return {
    ...facts,
    requestId,
    method: methods.has(c.req.method) ? c.req.method : "other",
    route: routeOf(c),
    status,
    code,
    startedMs,
    durationMs,
  };
}

function outcomeOf(c: Context, noted: string | undefined): string {
  if (noted) return noted;
  if (c.error) {
    const code = codeOf(c.error);
    return code === "server-fault" && c.req.raw.signal.aborted
      ? "aborted"
      : code;
  }
  return c.res.status < 400 ? "ok" : `status-${c.res.status}`;
}

/** The last route that matches and is no middleware's, without what its parameters must look like. */
function routeOf(c: Context): string {
  const path = matchedRoutes(c).at(-1)?.path ?? "*";
  return path.endsWith("*")
    ? "unmatched"
    : path.replace(/(:\w+)\{.*?\}+/g, "$1");
}
