/**
 * Tokens of sealed inferences: what the next call needs, which the gateway carries and
 * cannot read.
 *
 * @module
 */
import { aessiv } from "@noble/ciphers/aes.js";
import { decode, encode } from "cborg";
import { concat, equal } from "../../../sdk/support/bytes.ts";
import { CipherlayerError } from "../../../sdk/support/errors.ts";
import {
  bytes,
  type Check,
  integer,
  list,
  literal,
  record,
  tagged,
  text,
} from "../../../sdk/wire/schema.ts";
import { maxTransfers } from "../../../sdk/transfer/batch_shape.ts";
import { deriveKey } from "../privacy/seed.ts";
import { clockToleranceMs } from "../sealed_token.ts";

/** Whose it is, and until when. */
interface Owned {
  /** The gateway's public key N, big-endian. */
  modulus: Uint8Array;
  /** SHA-256 of the account's name. */
  account: Uint8Array;
  /** Milliseconds since 1970. */
  expiresAt: number;
}

/** The seed of masks on what a round handed to later ones. */
export interface ShareSeed {
  /** The round that wrote it. */
  round: number;
  seed: Uint8Array;
}

interface InferenceState extends Owned {
  model: string;
  version: string;
  /** SHA-256 of the plan, in CBOR. */
  planHash: Uint8Array;
  samples: number;
  /** The round that the token opens a call of. */
  round: number;
  /** Of the session's start, then of all requests so far. */
  nonce: Uint8Array;
  /** Of activations that this round or a later one reads. */
  shares: ShareSeed[];
}

/** Opens a linear call. */
export interface LinearToken extends InferenceState {
  opens: "linear";
}

/** Opens a garbled call. */
export interface ActivationToken extends InferenceState {
  opens: "activation";
  /** Seed of the masks on the answers. */
  mask: Uint8Array;
  /** Of the round's circuits, in the build that answered the linear call. */
  digest: Uint8Array;
}

/** A batch of transfers. */
export interface BatchToken extends Owned {
  opens: "batch";
  seed: Uint8Array;
  /** Transfers, at least. */
  size: number;
}

export type SealedToken = LinearToken | ActivationToken | BatchToken;

const owned = {
  modulus: bytes(512),
  account: bytes(32),
  expiresAt: integer(0, Number.MAX_SAFE_INTEGER),
};
const inference = {
  ...owned,
  model: text(200),
  version: text(200),
  planHash: bytes(32),
  samples: integer(1, 2 ** 24),
  round: integer(0, 2 ** 10),
  nonce: bytes(16),
  shares: list(
    record({ round: integer(0, 2 ** 10), seed: bytes(32) }),
    2 ** 10,
  ),
};
const sealedToken: Check<SealedToken> = tagged<SealedToken>("opens", {
  linear: record({ ...inference, opens: literal("linear" as const) }),
  activation: record({
    ...inference,
    opens: literal("activation" as const),
    mask: bytes(32),
    digest: bytes(32),
  }),
  batch: record({
    ...owned,
    opens: literal("batch" as const),
    seed: bytes(32),
    size: integer(1, maxTransfers),
  }),
});

const keyIdBytes = 4;

/**
 * Seals and opens them with AES-SIV: equal content gives equal bytes on every instance.
 * A token is the key's public id and the sealed content.
 */
export class SealedTokens {
  readonly #key: Uint8Array;
  readonly #keyId: Uint8Array;

  /** @param sealingKey at least 32 secret bytes, shared by all instances */
  constructor(sealingKey: Uint8Array) {
    const none = new Uint8Array();
    this.#key = deriveKey(sealingKey, "sealed token", none, 64);
    this.#keyId = deriveKey(
      sealingKey,
      "sealed token key id",
      none,
      keyIdBytes,
    );
  }

  /** Whether a token names this key. */
  made(token: Uint8Array): boolean {
    return equal(this.#keyId, token.subarray(0, keyIdBytes));
  }

  seal(content: SealedToken): Uint8Array {
    const sealed = aessiv(this.#key, this.#keyId).encrypt(encode(content));
    return concat(this.#keyId, sealed);
  }

  /**
   * @param nowMs milliseconds since 1970
   * @throws {CipherlayerError} `token-altered`, `token-expired`, or `token-mismatch` if it opens
   * another kind of call or another key made it
   */
  open<K extends SealedToken["opens"]>(
    token: Uint8Array,
    opens: K,
    nowMs: number,
  ): Extract<SealedToken, { opens: K }> {
    if (!this.made(token)) {
      throw new CipherlayerError(
        "token-mismatch",
        "Cannot open token: it was sealed under another key; start a new session",
      );
    }
    const content = this.#decrypt(token.subarray(keyIdBytes));
    if (nowMs > content.expiresAt + clockToleranceMs) {
      throw new CipherlayerError(
        "token-expired",
        "Cannot open token: it expired; start a new session",
      );
    }
    if (content.opens !== opens) {
      throw new CipherlayerError(
        "token-mismatch",
        `Cannot open token: expected one of a call "${opens}", got one of "${content.opens}"`,
      );
    }
    return content as Extract<SealedToken, { opens: K }>;
  }

  #decrypt(sealed: Uint8Array): SealedToken {
    try {
      const plain = aessiv(this.#key, this.#keyId).decrypt(sealed);
      return sealedToken(decode(plain), "token");
    } catch {
      throw new CipherlayerError(
        "token-altered",
        "Cannot open token: its bytes are not what the functions sealed",
      );
    }
  }
}
