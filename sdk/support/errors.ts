/**
 * The error class of network, protocol and overflow faults, and its stable codes.
 *
 * @module
 */
import { printable } from "./printable.ts";

/**
 * What went wrong, stable across releases; switch on it, never on messages.
 *
 * @example
 * ```ts
 * import { CipherlayerError, type ErrorCode } from "@cipherlayer/sdk";
 *
 * const askAgain: ReadonlySet<ErrorCode> = new Set(["unauthenticated", "token-expired"]);
 * const error = new CipherlayerError("unauthenticated", "Cannot connect: expected a token");
 * if (!askAgain.has(error.code)) throw error;
 * ```
 */
export type ErrorCode =
  | "budget-exceeded"
  | "body-too-large"
  | "checksum-mismatch"
  | "ciphertext-out-of-range"
  | "contract-changed"
  | "count-mismatch"
  | "forbidden"
  | "key-corrupt"
  | "key-locked"
  | "key-missing"
  | "key-rejected"
  | "malformed"
  | "model-changed"
  | "model-not-found"
  | "network"
  | "overflow"
  | "overloaded"
  | "queue-corrupt"
  | "queue-full"
  | "queue-locked"
  | "rate-limited"
  | "server-fault"
  | "signature-rejected"
  | "token-altered"
  | "token-expired"
  | "token-mismatch"
  | "token-spent"
  | "too-much-work"
  | "unauthenticated"
  | "unsupported"
  | "upload-incomplete"
  | "version-conflict"
  | "version-not-found"
  | "wrong-passphrase";

/**
 * Fault of the network, the protocol or the arithmetic. Misuse of the API throws
 * the built-in `TypeError` and `RangeError` instead.
 *
 * @example
 * ```ts
 * import { CipherlayerError } from "@cipherlayer/sdk";
 *
 * const error = new CipherlayerError("network", "Cannot reach cloud: refused", {
 *   retryable: true,
 * });
 * if (error.code !== "network") throw error;
 * ```
 */
export class CipherlayerError extends Error {
  /** Always "CipherlayerError". */
  override readonly name = "CipherlayerError";
  /** Stable identifier of the fault. */
  readonly code: ErrorCode;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  /** Milliseconds that the server asked to wait before the next try; 0: none. */
  readonly retryAfterMs: number;
  /** HTTP status of the functions' answer that told of the fault; null: found locally. */
  readonly status: number | null;

  /**
   * Makes the error.
   *
   * @param message in the form "Cannot X: expected Y, got Z"; a space stands for each run
   * of control characters and direction marks, which texts of the other side may hold
   * @param options `cause`, `retryable`, `retryAfterMs` and `status`, each absent by default
   */
  constructor(
    code: ErrorCode,
    message: string,
    options: ErrorOptions & {
      retryable?: boolean;
      retryAfterMs?: number;
      status?: number;
    } = {},
  ) {
    super(printable(message), options);
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.retryAfterMs = options.retryAfterMs ?? 0;
    this.status = options.status ?? null;
  }
}
