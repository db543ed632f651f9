/**
 * Remembers which request a single-use session token was spent on.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeHex } from "@std/encoding/hex";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import { clockToleranceMs } from "../rounds/sealed_token.ts";

/** Remembers which request a single-use token was spent on. */
export interface NonceStore {
  /**
   * The request that `token` is spent on: `request` if it was not spent before.
   * Atomic: of two at once, one wins.
   *
   * @param expiresAt milliseconds since 1970; the entry may be forgotten
   * `rememberMs` after, when no instance takes the token any more
   */
  spend(token: string, request: string, expiresAt: number): Promise<string>;
}

/**
 * Lets a token be used for one request; the same request may come again, as
 * retries and shards do.
 *
 * @param content that tells requests apart
 * @throws {CipherlayerError} `token-spent` if it was used for another
 */
export async function spendToken(
  nonces: NonceStore,
  token: Uint8Array,
  content: Uint8Array,
  expiresAt: number,
): Promise<void> {
  const request = encodeHex(sha256(content));
  const spent = await nonces.spend(
    encodeHex(sha256(token)),
    request,
    expiresAt,
  );
  if (spent !== request) {
    throw new CipherlayerError(
      "token-spent",
      "Cannot evaluate round: its token has been used for another request; start a new inference",
    );
  }
}

/**
 * Spent tokens are remembered this long after their expiry, where one clock decides:
 * `TokenSealer` takes tokens for `clockToleranceMs` after it.
 */
export const rememberMs = 5 * clockToleranceMs;
/** The same where instances with separate clocks share a store. */
export const rememberSharedMs = 24 * 60 * 60_000;
/** Entries between two sweeps of those that have expired. */
const entriesPerSweep = 1024;

/** For one process: other instances do not know what was spent here. */
export class MemoryNonceStore implements NonceStore {
  readonly #spent = new Map<string, { request: string; expiresAt: number }>();
  readonly #clock: () => number;
  #sinceSweep = 0;

  constructor(clock: () => number = Date.now) {
    this.#clock = clock;
  }

  spend(token: string, request: string, expiresAt: number): Promise<string> {
    this.#sweep();
    const known = this.#spent.get(token);
    if (known) return Promise.resolve(known.request);
    this.#spent.set(token, { request, expiresAt });
    return Promise.resolve(request);
  }

  #sweep(): void {
    if (++this.#sinceSweep < entriesPerSweep) return;
    this.#sinceSweep = 0;
    const now = this.#clock();
    for (const [token, { expiresAt }] of this.#spent) {
      if (expiresAt + rememberMs < now) this.#spent.delete(token);
    }
  }
}

interface SpentEntry {
  request: string;
  /** Milliseconds since 1970. */
  expiresAt: number;
}

/** Where there is no store that all threads share: a token that must be spent is refused. */
export class NoNonceStore implements NonceStore {
  spend(): Promise<string> {
    return Promise.reject(
      new CipherlayerError(
        "server-fault",
        "Cannot evaluate round: these functions have no database of spent tokens",
        { retryable: true },
      ),
    );
  }
}
