import type { Kernel } from "../../sdk/paillier/kernel.ts";
import { runPaced } from "../paced.ts";
import { LruMap } from "../lru.ts";
import { RandomiserBank } from "./randomisers.ts";

/** Banks of the keys used last; any instance can make any of them again. */
export class BankCache {
  readonly #kernel: Kernel;
  readonly #sealingKey: Uint8Array;
  readonly #banks: LruMap<bigint, Promise<RandomiserBank>>;

  constructor(kernel: Kernel, sealingKey: Uint8Array, capacity: number) {
    this.#kernel = kernel;
    this.#sealingKey = sealingKey;
    this.#banks = new LruMap(capacity);
  }

  /** The bank of a key; the first call for it takes 40 full powers. */
  get(modulus: bigint): Promise<RandomiserBank> {
    return this.#banks.getOrMake(modulus, () => {
      const bank = runPaced(
        RandomiserBank.build(this.#kernel, this.#sealingKey, modulus),
      );
      bank.catch(() => this.#banks.delete(modulus));
      return bank;
    });
  }
}
