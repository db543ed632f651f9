/**
 * Lets calls in: rates, gate and turns, before their work begins.
 *
 * @module
 */
import { createMiddleware } from "hono/factory";
import {
  type Access,
  openAccess,
  type Principal,
} from "../access/principal.ts";
import type { AccessEnv } from "../access/require_role.ts";
import { telemetryOf } from "../telemetry/call_telemetry.ts";
import { checkContentType, readBody } from "./body.ts";
import type { Limits } from "./limits.ts";
import {
  type Arrival,
  type Gate,
  type Place,
  type Reception,
  stopping,
} from "./gate.ts";
import { chargeRate, type Rates } from "./rates.ts";
import { attend, type Share } from "../rounds/privacy/paced.ts";
import type { Work } from "./turns.ts";

/** What decides which calls are admitted. */
export interface AdmissionOptions {
  access: Access;
  gate: Gate;
  /** How often a caller may call; unlimited by default. */
  rates?: Rates;
  limits: Limits;
  /** Where a call comes from, by what the host passes to `fetch` beside the request. */
  address: (host: unknown) => string | undefined;
  /** Milliseconds since 1970. */
  clock: () => number;
}

/** What routes behind {@linkcode admit} find. */
export interface AdmissionEnv {
  Variables: AccessEnv["Variables"] & {
    body: Uint8Array<ArrayBuffer>;
    work: Work;
    /** Whom the call counts for. */
    caller: string;
    /** What the caller's calls under way have had of this thread. */
    share: Share;
    /** Sets memory aside for the call, beyond its body. */
    hold: Reception["hold"];
    /** Gives the call's turn to another; its place stays taken until it is answered. */
    endTurn: Place["endTurn"];
    /** Set by a handler that answers with a stream: resolves when it has ended. */
    ended?: Promise<void>;
  };
}

/**
 * Reads a call's body, lets it in or tells it when to come back, and waits for its
 * turn, which lasts until it is answered. A call that is answered with a stream then
 * keeps its place, and what it holds, until the stream has ended. Comes behind
 * `requireRole`.
 *
 * @throws {CipherlayerError} `overloaded`, `rate-limited`, and as `readBody` does
 */
export function admit(
  options: AdmissionOptions,
  { startsSession, worksHere, workOf }: {
    startsSession: boolean;
    /** Whether this thread computes the answer. */
    worksHere: boolean;
    /** What the call asks for, or an error for one that is refused at once. */
    workOf: (request: Request, body: Uint8Array) => Work;
  },
) {
  return createMiddleware<AdmissionEnv>(async (c, next) => {
    const request = c.req.raw;
    const notes = telemetryOf(request);
    const caller = callerOf(options, c.get("principal"), c.env);
    try {
      const reception = await notes.during(
        "admit",
        () => receive(options, { caller, startsSession }),
      );
      try {
        const body = await notes.during(
          "read",
          () => readCall(options, request, reception),
        );
        const work = workOf(request, body);
        c.set("body", body);
        c.set("work", work);
        c.set("caller", caller);
        c.set("share", reception.caller);
        c.set("hold", reception.hold);
        // Only now: bodies that come slowly keep nobody out.
        const place = reception.admit();
        c.set("endTurn", place.endTurn);
        await notes.during("wait", () => place.turn(request.signal, work));
        const leaveThread = worksHere ? attend(reception.caller) : undefined;
        try {
          await next();
        } finally {
          leaveThread?.();
        }
        place.endTurn();
      } finally {
        const ended = c.get("ended");
        if (ended) void ended.then(reception.leave);
        else reception.leave();
      }
    } finally {
      if (!request.bodyUsed) await request.body?.cancel();
    }
  });
}

/** Takes note of a call and charges it to its caller's rate. */
async function receive(
  { gate, rates, clock }: AdmissionOptions,
  arrival: Arrival,
): Promise<Reception> {
  const reception = gate.receive(arrival);
  try {
    if (rates) await chargeRate(rates, { ...arrival, nowMs: clock() });
    return reception;
  } catch (error) {
    reception.leave();
    throw error;
  }
}

function readCall(
  { gate, limits }: AdmissionOptions,
  request: Request,
  { hold }: Reception,
): Promise<Uint8Array<ArrayBuffer>> {
  checkContentType(request);
  return readBody(request, limits, hold).catch((error) => {
    // `deno serve` breaks bodies off once it has been told to stop.
    throw gate.draining && error.retryable ? stopping() : error;
  });
}

/**
 * Admits a call that waits for no turn, since it evaluates nothing: what owners do, and
 * lists of models. It takes a place, so that few are under way; like new sessions, these
 * calls are turned away first. Comes behind `requireRole`.
 *
 * @throws {CipherlayerError} `overloaded`, `rate-limited`
 */
export function admitAside(
  options: AdmissionOptions,
  { charged }: { charged: boolean },
) {
  const { gate, rates, clock } = options;
  return createMiddleware<AccessEnv>(async (c, next) => {
    const request = c.req.raw;
    const caller = callerOf(options, c.get("principal"), c.env);
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
  { access, address }: AdmissionOptions,
  { account }: Principal,
  host: unknown,
): string {
  return access === openAccess ? address(host) ?? account : account;
}
