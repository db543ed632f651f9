/**
 * CBOR codec of the data plane's bodies: strict both ways (PROTOCOL.md).
 *
 * @module
 */
import { encode } from "cborg";
import { CipherlayerError } from "../support/errors.ts";
import { decodeCbor } from "./decode_cbor.ts";
import {
  maxBodyBytes,
  maxCount,
  maxInputs,
  maxMessageItems,
  maxModulusBytes,
  maxOffsets,
  maxPlanItems,
  maxProofRoots,
  maxRounds,
  maxSlotBits,
  maxSteps,
  maxTokenBytes,
  maxValueBits,
} from "./limits.ts";
import type {
  RoundRequest,
  RoundResponse,
  SessionRequest,
  SessionResponse,
} from "./messages.ts";
import {
  count,
  interfaceFields,
  name,
  pair,
  step,
  withStepVersions,
} from "./parts.ts";
import {
  type DenseLayout,
  type InferencePlan,
  planFormat,
  type SpatialInput,
  type SpatialLayout,
} from "./plan.ts";
import {
  bytes,
  type Check,
  fields,
  integer,
  list,
  literal,
  Mismatch,
  optional,
  record,
  tagged,
  tuple,
} from "./schema.ts";

const offset = integer(-maxCount, maxCount);
const image = tuple<[number, number, number]>(count, count, count);

const spatialInput: Check<SpatialInput> = record({
  tensor: name,
  shape: image,
  step: pair,
  offsets: list(tuple<[number, number]>(offset, offset), maxOffsets),
});

const layout = tagged<SpatialLayout | DenseLayout>("kind", {
  spatial: record<SpatialLayout>({
    kind: literal("spatial"),
    samples: count,
    tile: pair,
    grid: pair,
    inputs: list(spatialInput, maxInputs),
    output: image,
    slotBits: integer(2, maxSlotBits),
    valuesPerCiphertext: count,
  }),
  dense: record<DenseLayout>({
    kind: literal("dense"),
    samples: count,
    fold: count,
    inputs: list(record({ tensor: name, length: count }), maxInputs),
    outputLength: count,
    slotBits: integer(2, maxSlotBits),
    guardBits: literal<0 | 1>(0, 1),
    valuesPerCiphertext: count,
  }),
});

/** Other plans are refused by their number: their members would say less. */
const plan: Check<InferencePlan> = (value, path) => {
  const { format } = fields(value, path);
  if (format !== planFormat) {
    throw new Mismatch(
      `expected a plan of format ${planFormat}, got ${
        Number.isInteger(format) ? format : 1
      }: update the functions or the gateway, whichever is older`,
    );
  }
  return record<InferencePlan>({
    format: literal(planFormat),
    samples: count,
    ...interfaceFields,
    rounds: list(
      record({
        layout,
        steps: list(step, maxSteps),
        writes: name,
        shards: count,
        valueBits: optional(integer(2, maxValueBits)),
      }),
      maxRounds,
    ),
  })(value, path);
};

const sessionRequest: Check<SessionRequest> = record({
  model: name,
  modulus: bytes(maxModulusBytes),
  proof: list(bytes(maxModulusBytes), maxProofRoots),
  samples: count,
});

const sessionResponse: Check<SessionResponse> = record({
  model: name,
  version: name,
  token: bytes(maxTokenBytes),
  expiresAt: integer(0, Number.MAX_SAFE_INTEGER),
  plan,
});

const roundRequest: Check<RoundRequest> = record({
  token: bytes(maxTokenBytes),
  ciphertexts: bytes(maxBodyBytes),
});

const roundResponse: Check<RoundResponse> = roundRequest;

/**
 * The body of a session request.
 *
 * @throws {CipherlayerError} `malformed` if a field is missing, superfluous, of the wrong type or out of range
 */
export function encodeSessionRequest(message: SessionRequest): Uint8Array {
  return encodeBody("session request", sessionRequest, message);
}

/**
 * Reads the body of a session request.
 *
 * @throws {CipherlayerError} `malformed` if `body` is not exactly one session request
 */
export function decodeSessionRequest(body: Uint8Array): SessionRequest {
  return decodeBody("session request", sessionRequest, body);
}

/**
 * The body of a session response.
 *
 * @throws {CipherlayerError} `malformed` if a field is missing, superfluous, of the wrong type or out of range
 */
export function encodeSessionResponse(message: SessionResponse): Uint8Array {
  return encodeBody(
    "session response",
    sessionResponse,
    message,
    ({ plan, ...rest }) => ({
      ...rest,
      plan: { ...plan, rounds: withStepVersions(plan.rounds) },
    }),
  );
}

/**
 * Reads the body of a session response.
 *
 * @throws {CipherlayerError} `malformed` if `body` is not exactly one session response
 */
export function decodeSessionResponse(body: Uint8Array): SessionResponse {
  return decodeBody("session response", sessionResponse, body, maxPlanItems);
}

/**
 * The body of a round request.
 *
 * @throws {CipherlayerError} `malformed` if a field is missing, superfluous, of the wrong type or out of range
 */
export function encodeRoundRequest(message: RoundRequest): Uint8Array {
  return encodeBody("round request", roundRequest, message);
}

/**
 * Reads the body of a round request.
 *
 * @throws {CipherlayerError} `malformed` if `body` is not exactly one round request
 */
export function decodeRoundRequest(body: Uint8Array): RoundRequest {
  return decodeBody("round request", roundRequest, body);
}

/**
 * The body of a round response.
 *
 * @throws {CipherlayerError} `malformed` if a field is missing, superfluous, of the wrong type or out of range
 */
export function encodeRoundResponse(message: RoundResponse): Uint8Array {
  return encodeBody("round response", roundResponse, message);
}

/**
 * Reads the body of a round response.
 *
 * @throws {CipherlayerError} `malformed` if `body` is not exactly one round response
 */
export function decodeRoundResponse(body: Uint8Array): RoundResponse {
  return decodeBody("round response", roundResponse, body);
}

/** @param wired gives the message as it is to be sent */
function encodeBody<T>(
  what: string,
  check: Check<T>,
  message: T,
  wired = (message: T): T => message,
): Uint8Array {
  return guard(`encode ${what}`, () => {
    const body = wired(message);
    check(body, "body");
    return encode(body);
  });
}

/** @param maxItems items of CBOR that such a body may hold */
function decodeBody<T>(
  what: string,
  check: Check<T>,
  body: Uint8Array,
  maxItems = maxMessageItems,
): T {
  return guard(
    `decode ${what}`,
    () => check(decodeCbor(body, maxItems), "body"),
  );
}

function guard<T>(action: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    const why = cause instanceof Mismatch
      ? cause.message
      : "expected one deterministic CBOR item, got other bytes";
    throw new CipherlayerError("malformed", `Cannot ${action}: ${why}`, {
      cause,
    });
  }
}
