/**
 * A key's owner that remembers what it decrypted, for programs that show it.
 *
 * @module
 */
import { PaillierEngine } from "@cipherlayer/sdk";

/** Nothing else differs. */
export class WatchedOwner extends PaillierEngine {
  /** Plaintexts of the last batch. */
  decrypted: bigint[] = [];

  override async decryptBatch(
    ciphertexts: Uint8Array,
    options?: { signal?: AbortSignal },
  ): Promise<bigint[]> {
    return this.decrypted = await super.decryptBatch(ciphertexts, options);
  }
}
