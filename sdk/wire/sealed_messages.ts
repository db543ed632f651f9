/**
 * Bodies of sealed calls, and their CBOR.
 *
 * @module
 */
import { encode } from "cborg";
import { CipherlayerError } from "../support/errors.ts";
import { decodeCbor } from "./decode_cbor.ts";
import { maxMessageItems } from "./limits.ts";
import {
  bytes,
  type Check,
  exactBytes,
  integer,
  nullable,
  record,
} from "./schema.ts";

/** Transfers of an earlier batch, given in exchange for a new one. */
export interface BatchRequest {
  /** Of the earlier batch. */
  token: Uint8Array;
  /** Number of the first transfer. */
  from: number;
  /** One bit for each, lowest first. */
  choices: Uint8Array;
}

export interface BatchResponse {
  token: Uint8Array;
  /** Salt, masked sums and corrections. */
  answer: Uint8Array;
}

/** `POST /v1/sealed/transfers`: begins oblivious transfer. */
export interface SetupRequest {
  /** The session's. */
  token: Uint8Array;
  /** Points, then choices. */
  request: Uint8Array;
}

/** `POST /v1/sealed/rounds/{index}`; the first one asks for a batch. */
export interface LinearRequest {
  token: Uint8Array;
  ciphertexts: Uint8Array;
  batch: BatchRequest | null;
}

export interface LinearResponse {
  /** Opens the garbled call of the round. */
  token: Uint8Array;
  ciphertexts: Uint8Array;
  batch: BatchResponse | null;
}

/** `POST /v1/sealed/activations/{index}`: choices of the bits of masked answers. */
export interface ActivationRequest {
  token: Uint8Array;
  /** Token of the batch that the choices are in. */
  batch: Uint8Array;
  /** Number of the first transfer. */
  from: number;
  choices: Uint8Array;
}

/**
 * What the reply to a garbled call begins with: a byte sequence (`byte_sequence.ts`) of
 * this, in CBOR, and then the garbled bytes in pieces.
 */
export interface ActivationHead {
  /** Opens the next linear call; empty after the last round. */
  token: Uint8Array;
  salt: Uint8Array;
}

const maxToken = 2 ** 16, maxBody = 2 ** 28, maxTransfers = 2 ** 20;

const batchRequest: Check<BatchRequest> = record({
  token: bytes(maxToken),
  from: integer(0, maxTransfers),
  choices: bytes(maxTransfers / 8),
});
const batchResponse: Check<BatchResponse> = record({
  token: bytes(maxToken),
  answer: bytes(maxBody),
});
const checks = {
  batchRequest,
  batchResponse,
  linearRequest: record<LinearRequest>({
    token: bytes(maxToken),
    ciphertexts: bytes(maxBody),
    batch: nullable(batchRequest),
  }),
  linearResponse: record<LinearResponse>({
    token: bytes(maxToken),
    ciphertexts: bytes(maxBody),
    batch: nullable(batchResponse),
  }),
  activationRequest: record<ActivationRequest>({
    token: bytes(maxToken),
    batch: bytes(maxToken),
    from: integer(0, maxTransfers),
    choices: bytes(maxTransfers / 8),
  }),
  activationHead: record<ActivationHead>({
    token: bytes(maxToken),
    salt: exactBytes(16),
  }),
  setupRequest: record<SetupRequest>({
    token: bytes(maxToken),
    request: bytes(2 ** 20),
  }),
};

/** Messages by the name that {@linkcode decodeSealed} takes. */
type Messages = {
  [K in keyof typeof checks]: ReturnType<(typeof checks)[K]>;
};

/** CBOR of a message; equal messages give equal bytes. */
export const encodeSealed = (message: Messages[keyof Messages]): Uint8Array =>
  encode(message);

/** @throws {CipherlayerError} `malformed` */
export function decodeSealed<K extends keyof Messages>(
  kind: K,
  body: Uint8Array,
): Messages[K] {
  try {
    return checks[kind](decodeCbor(body, maxMessageItems), kind) as Messages[K];
  } catch (cause) {
    throw new CipherlayerError(
      "malformed",
      `Cannot decode ${kind}: ${(cause as Error).message}`,
      { cause },
    );
  }
}
