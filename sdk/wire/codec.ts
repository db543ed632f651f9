/** CBOR codec of the data plane's bodies: strict both ways (PROTOCOL.md). */
import { decode, encode } from "cborg";
import { CipherlayerError } from "../support/errors.ts";
import {
  maxAxes,
  maxBodyBytes,
  maxCount,
  maxFactors,
  maxInputs,
  maxLabels,
  maxModulusBytes,
  maxNameLength,
  maxOffsets,
  maxProofRoots,
  maxRounds,
  maxShift,
  maxSlotBits,
  maxSteps,
  maxTableEntries,
  maxTokenBytes,
} from "./limits.ts";
import type {
  RoundRequest,
  RoundResponse,
  SessionRequest,
  SessionResponse,
} from "./messages.ts";
import type {
  DenseLayout,
  EdgeStep,
  InferencePlan,
  Reveal,
  ScoreDisplay,
  SpatialInput,
  SpatialLayout,
} from "./plan.ts";
import {
  bytes,
  type Check,
  integer,
  list,
  literal,
  Mismatch,
  nullable,
  printableText,
  real,
  record,
  tagged,
  tuple,
} from "./schema.ts";

const count = integer(1, maxCount);
const whole = integer(0, maxCount);
const signed = integer(-maxCount, maxCount);
const exact = integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
const name = printableText(maxNameLength);
const shape = list(count, maxAxes);
const pair = tuple<[number, number]>(count, count);
const pads = tuple<[number, number, number, number]>(
  whole,
  whole,
  whole,
  whole,
);
const image = tuple<[number, number, number]>(count, count, count);

const spatialInput: Check<SpatialInput> = record({
  tensor: name,
  shape: image,
  step: pair,
  offsets: list(tuple<[number, number]>(signed, signed), maxOffsets),
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

/** Also the check of steps in model packages. */
export const step = tagged<EdgeStep>("op", {
  relu: record<Step<"relu">>({ op: literal("relu") }),
  leakyRelu: record<Step<"leakyRelu">>({
    op: literal("leakyRelu"),
    positive: count,
    negative: list(exact, maxFactors),
  }),
  sumPool: record<Step<"sumPool">>({
    op: literal("sumPool"),
    kernel: pair,
    stride: pair,
    pads,
  }),
  meanPool: record<Step<"meanPool">>({
    op: literal("meanPool"),
    kernel: pair,
    stride: pair,
    pads,
    counted: pads,
    multiple: count,
  }),
  maxPool: record<Step<"maxPool">>({
    op: literal("maxPool"),
    kernel: pair,
    stride: pair,
    dilation: pair,
    pads,
  }),
  requantise: record<Step<"requantise">>({
    op: literal("requantise"),
    multiplier: exact,
    shift: integer(0, maxShift),
    low: exact,
    high: exact,
  }),
  lookup: record<Step<"lookup">>({
    op: literal("lookup"),
    multiplier: exact,
    shift: integer(0, maxShift),
    low: exact,
    table: list(exact, maxTableEntries),
  }),
  reshape: record<Step<"reshape">>({ op: literal("reshape"), shape }),
  transpose: record<Step<"transpose">>({
    op: literal("transpose"),
    shape,
    order: list(integer(0, 7), 8),
  }),
  selectLargest: record<Step<"selectLargest">>({
    op: literal("selectLargest"),
  }),
  isNonNegative: record<Step<"isNonNegative">>({
    op: literal("isNonNegative"),
  }),
  custom: record<Step<"custom">>({
    op: literal("custom"),
    name,
    inputScale: real,
    outputScale: real,
    low: exact,
    high: exact,
  }),
});

type Step<Op extends EdgeStep["op"]> = Extract<EdgeStep, { op: Op }>;

const plan: Check<InferencePlan> = record({
  samples: count,
  input: record({ shape, scale: real, offset: real, low: exact, high: exact }),
  rounds: list(
    record({
      layout,
      steps: list(step, maxSteps),
      writes: name,
      shards: count,
    }),
    maxRounds,
  ),
  output: record({
    shape,
    scale: real,
    labels: nullable(list(name, maxLabels)),
    tail: literal<ScoreDisplay>("none", "softmax", "logSoftmax"),
    reveal: literal<Reveal>("scores", "label"),
  }),
});

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
  return encodeBody("session response", sessionResponse, message);
}

/**
 * Reads the body of a session response.
 *
 * @throws {CipherlayerError} `malformed` if `body` is not exactly one session response
 */
export function decodeSessionResponse(body: Uint8Array): SessionResponse {
  return decodeBody("session response", sessionResponse, body);
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

function encodeBody<T>(what: string, check: Check<T>, message: T): Uint8Array {
  return guard(`encode ${what}`, () => encode(check(message, "body")));
}

function decodeBody<T>(what: string, check: Check<T>, body: Uint8Array): T {
  return guard(`decode ${what}`, () =>
    check(
      decode(body, {
        strict: true,
        allowIndefinite: false,
        allowUndefined: false,
        allowInfinity: false,
        allowNaN: false,
        allowBigInt: false,
        rejectDuplicateMapKeys: true,
      }),
      "body",
    ));
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
