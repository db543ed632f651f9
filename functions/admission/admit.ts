import { createMiddleware } from "hono/factory";
import { openAccess, type Principal } from "../access/principal.ts";
import type { AccessEnv } from "../access/require_role.ts";
import type { Context } from "../http/context.ts";
import { telemetryOf } from "../telemetry/call_telemetry.ts";
import { checkContentType, readBody } from "./body.ts";
import { type Place, stopping } from "./gate.ts";
import { chargeRate } from "./rates.ts";

/** What routes behind {@linkcode admit} find: `c.get("body")`. */
export interface AdmissionEnv {
  Variables: AccessEnv["Variables"] & { body: Uint8Array<ArrayBuffer> };
}

/**
 * Lets a call in, or tells it when to come back; reads its body; and waits for its
 * turn, which lasts until it is answered. Comes behind `requireRole`.
 *
 * @throws {CipherlayerError} `overloaded`, `rate-limited`, and as `readBody` does
 */
export function admit(
  context: Context,
  { startsSession }: { startsSession: boolean },
) {
  const { gate, rates, limits, clock } = context;
  return createMiddleware<AdmissionEnv>(async (c, next) => {
    const request = c.req.raw;
    const notes = telemetryOf(request);
    const caller = callerOf(context, c.get("principal"), c.env);
    let place: Place | undefined;
    try {
      notes.enter("admit");
      place = gate.admit({ caller, startsSession });
      if (rates) {
        await chargeRate(rates, { caller, startsSession, nowMs: clock() });
      }
      notes.enter("read");
      checkContentType(request);
      const body = await readBody(request, limits, place.hold)
        .catch((error) => {
          // `deno serve` breaks bodies off once it has been told to stop.
          throw gate.draining && error.retryable ? stopping() : error;
        });
      c.set("body", body);
      notes.enter("wait");
      await place.turn(request.signal);
      await next();
    } finally {
      place?.leave();
      if (!request.bodyUsed) await request.body?.cancel();
    }
  });
}

/**
 * Lets in a call that waits for no turn, since it evaluates nothing: what owners do, and
 * lists of models. It takes a place, so that few are under way; like new sessions, these
 * calls are turned away first. Comes behind `requireRole`.
 *
 * @throws {CipherlayerError} `overloaded`, `rate-limited`
 */
export function admitAside(
  context: Context,
  { charged }: { charged: boolean },
) {
  const { gate, rates, clock } = context;
  return createMiddleware<AccessEnv>(async (c, next) => {
    const request = c.req.raw;
    const caller = callerOf(context, c.get("principal"), c.env);
    let place: Place | undefined;
    try {
      place = gate.admit({ caller, startsSession: true });
      if (rates && charged) {
        const nowMs = clock();
        await chargeRate(rates, { caller, startsSession: false, nowMs });
      }
      await next();
    } finally {
      place?.leave();
      if (!request.bodyUsed) await request.body?.cancel();
    }
  });
}

/** Whom a call counts for: its account or, where everybody may call, its address. */
function callerOf(
  { access, address }: Context,
  { account }: Principal,
  host: unknown,
): string {
  return access === openAccess ? address(host) ?? account : account;
}
