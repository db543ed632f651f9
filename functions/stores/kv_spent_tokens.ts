/**
 * Spent tokens in Deno KV. Runtime: Deno.
 *
 * @module
 */
import { whenUnlocked } from "./kv_lock.ts";
import { KvSweep } from "./kv_sweep.ts";
import { type NonceStore, rememberSharedMs } from "./spent_tokens.ts";

const spentKey = ["cipherlayer", "spent"];

/**
 * In Deno KV: shared by all instances that open the same database, and swept
 * `rememberSharedMs` after tokens expire.
 */
export class KvNonceStore implements NonceStore {
  readonly #kv: Deno.Kv;
  readonly #sweep: KvSweep;

  constructor(kv: Deno.Kv, clock: () => number = Date.now) {
    this.#kv = kv;
    this.#sweep = new KvSweep(kv, "spent", clock);
  }

  async spend(
    token: string,
    request: string,
    expiresAt: number,
  ): Promise<string> {
    await this.#sweep.beforeWrite();
    const key = [...spentKey, token];
    const { ok } = await whenUnlocked(() => {
      const change = this.#kv.atomic()
        .check({ key, versionstamp: null })
        .set(key, request);
      this.#sweep.note(change, key, expiresAt + rememberSharedMs);
      return change.commit();
    });
    if (ok) return request;
    const { value } = await whenUnlocked(() => this.#kv.get<string>(key));
    return value ?? await this.spend(token, request, expiresAt);
  }
}
