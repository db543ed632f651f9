/**
 * Sealed tokens: the state of an inference, carried by the edge, which can
 * neither read nor alter it (PROTOCOL, "Tokens").
 *
 * @module
 */
import { aessiv } from "@noble/ciphers/aes.js";
import { decode, encode } from "cborg";
import { concat, equal } from "../../sdk/support/bytes.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import {
  maxCount,
  maxModulusBytes,
  maxNameLength,
  maxRounds,
  maxShards,
} from "../../sdk/wire/limits.ts";
import {
  bytes,
  type Check,
  integer,
  list,
  record,
  text,
} from "../../sdk/wire/schema.ts";
import { deriveKey } from "./privacy/seed.ts";

/** What a token binds. */
export interface TokenContent {
  model: string;
  version: string;
  /** SHA-256 of the plan, in CBOR. */
  planHash: Uint8Array;
  samples: number;
  /** The round that the token opens. */
  round: number;
  /** Predicted milliseconds of the round in one part, for the gate that gives it a turn. */
  predictedMs: number;
  /** Parts that the plan has the round asked for in. */
  shards: number;
  /** The edge's public key N, big-endian. */
  modulus: Uint8Array;
  /**
   * Of the session's start, then of all requests so far: no two sessions share
   * masks, no two inferences tokens.
   */
  nonce: Uint8Array;
  /** Seeds of the channel orders of activations that a later round reads. */
  orders: OrderSeed[];
  /** SHA-256 of the account's name: nobody else goes on with its sessions. */
  account: Uint8Array;
  /** Milliseconds since 1970, fixed at the session's start. */
  expiresAt: number;
}

export interface OrderSeed {
  /** The round that wrote the activation. */
  round: number;
  seed: Uint8Array;
}

const keyIdBytes = 4;
/** Difference of clocks between instances that is forgiven. */
export const clockToleranceMs = 60_000;

const tokenContent: Check<TokenContent> = record({
  model: text(maxNameLength),
  version: text(maxNameLength),
  planHash: bytes(32),
  samples: integer(1, maxCount),
  round: integer(0, maxRounds),
  predictedMs: integer(0, Number.MAX_SAFE_INTEGER),
  shards: integer(1, maxShards),
  modulus: bytes(maxModulusBytes),
  nonce: bytes(16),
  orders: list(
    record({ round: integer(0, maxRounds), seed: bytes(16) }),
    maxRounds,
  ),
  account: bytes(32),
  expiresAt: integer(0, Number.MAX_SAFE_INTEGER),
});

/**
 * Seals and opens tokens with AES-SIV: deterministic, so that equal content gives
 * equal bytes whichever instance seals it. A token is the key's public id and the
 * sealed content.
 */
export class TokenSealer {
  readonly #key: Uint8Array;
  readonly #keyId: Uint8Array;

  /** @param sealingKey at least 32 secret bytes, shared by all instances */
  constructor(sealingKey: Uint8Array) {
    const none = new Uint8Array();
    this.#key = deriveKey(sealingKey, "token", none, 64);
    this.#keyId = deriveKey(sealingKey, "token key id", none, keyIdBytes);
  }

  /** Whether a token names this sealer's key. */
  made(token: Uint8Array): boolean {
    return equal(this.#keyId, token.subarray(0, keyIdBytes));
  }

  seal(content: TokenContent): Uint8Array {
    const sealed = aessiv(this.#key, this.#keyId).encrypt(encode(content));
    return concat(this.#keyId, sealed);
  }

  /**
   * @param nowMs milliseconds since 1970
   * @throws {CipherlayerError} `token-mismatch` if another sealing key made it,
   * `token-altered` if its bytes were changed, `token-expired`
   */
  open(token: Uint8Array, nowMs: number): TokenContent {
    if (token.length < keyIdBytes + 16) {
      refuse(
        "token-altered",
        `expected at least 20 bytes, got ${token.length}`,
      );
    }
    if (!this.made(token)) {
      refuse(
        "token-mismatch",
        "it was sealed under another key; start a new session",
      );
    }
    const content = this.#decrypt(token.subarray(keyIdBytes));
    if (nowMs > content.expiresAt + clockToleranceMs) {
      refuse(
        "token-expired",
        `it expired at ${
          new Date(content.expiresAt).toISOString()
        }; start a new session`,
      );
    }
    return content;
  }

  #decrypt(sealed: Uint8Array): TokenContent {
    try {
      const plain = aessiv(this.#key, this.#keyId).decrypt(sealed);
      return tokenContent(decode(plain), "token");
    } catch {
      refuse("token-altered", "its bytes are not what the functions sealed");
    }
  }
}

function refuse(
  code: "token-altered" | "token-expired" | "token-mismatch",
  why: string,
): never {
  throw new CipherlayerError(code, `Cannot open token: ${why}`);
}
