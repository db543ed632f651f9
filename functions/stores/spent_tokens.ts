import { sha256 } from "@noble/hashes/sha2.js";
import { encodeHex } from "@std/encoding/hex";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import { whenUnlocked } from "./kv_lock.ts";

/** Remembers which request a single-use token was spent on. */
export interface NonceStore {
  /**
   * The request that `token` is spent on: `request` if it was not spent before.
   * Atomic: of two at once, one wins.
   *
   * @param expiresAt milliseconds since 1970; the entry may be forgotten after
   */
  spend(token: string, request: string, expiresAt: number): Promise<string>;
}

/**
 * Lets a token be used for one request; the same request may come again, as
 * retries and shards do.
 *
 * @throws {CipherlayerError} `token-spent` if it was used for another
 */
export async function spendToken(
  nonces: NonceStore,
  token: Uint8Array,
  ciphertexts: Uint8Array,
  expiresAt: number,
): Promise<void> {
  const request = encodeHex(sha256(ciphertexts));
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
      if (expiresAt < now) this.#spent.delete(token);
    }
  }
}

/** In Deno KV: shared by all instances that open the same database. */
export class KvNonceStore implements NonceStore {
  constructor(readonly kv: Deno.Kv) {}

  async spend(
    token: string,
    request: string,
    expiresAt: number,
  ): Promise<string> {
    const key = ["cipherlayer", "spent", token];
    const { ok } = await whenUnlocked(() =>
      this.kv.atomic()
        .check({ key, versionstamp: null })
        .set(key, request, { expireIn: Math.max(1, expiresAt - Date.now()) })
        .commit()
    );
    if (ok) return request;
    const { value } = await whenUnlocked(() => this.kv.get<string>(key));
    return value ?? await this.spend(token, request, expiresAt);
  }
}
