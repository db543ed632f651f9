import type { Kernel } from "../../../sdk/paillier/public/kernel.ts";
import { bitLength } from "../../../sdk/paillier/public/big_integer.ts";
import { runPaced } from "./paced.ts";
import { bankGroups, RandomiserBank } from "./randomisers.ts";

interface CachedBank {
  groups: number;
  bank: Promise<RandomiserBank>;
  /** 0 until it is built. */
  bytes: number;
}

/** Banks of the keys used last; any instance can make any of them again. */
export class BankCache {
  readonly #kernel: Kernel;
  readonly #sealingKey: Uint8Array;
  readonly #maxBytes: number;
  /** The one used last comes last. */
  readonly #banks = new Map<bigint, CachedBank>();

  /** @param mostBytes for all banks together; the one used last may exceed it alone */
  constructor(kernel: Kernel, sealingKey: Uint8Array, maxBytes: number) {
    this.#kernel = kernel;
    this.#sealingKey = sealingKey;
    this.#maxBytes = maxBytes;
  }

  /**
   * The bank of a key; the first call for it takes 40 full powers, as does one that
   * wants a larger bank than there is.
   *
   * @param answers that an inference takes
   */
  get(modulus: bigint, answers: number): Promise<RandomiserBank> {
    const groups = bankGroups(answers, bitLength(modulus));
    const known = this.#banks.get(modulus);
    const cached = known && known.groups <= groups
      ? known
      : this.#make(modulus, groups);
    this.#banks.delete(modulus);
    this.#banks.set(modulus, cached);
    return cached.bank;
  }

  #make(modulus: bigint, groups: number): CachedBank {
    const bank = runPaced(
      RandomiserBank.build(this.#kernel, this.#sealingKey, modulus, groups),
    );
    const cached: CachedBank = { groups, bank, bytes: 0 };
    bank.then(
      ({ bytes }) => {
        cached.bytes = bytes;
        this.#evict();
      },
      () => {
        if (this.#banks.get(modulus) === cached) this.#banks.delete(modulus);
      },
    );
    return cached;
  }

  /** Forgets the banks not used for longest until the others fit. */
  #evict(): void {
    let total = 0;
    for (const [modulus, { bytes }] of [...this.#banks].reverse()) {
      total += bytes;
      if (total > this.#maxBytes && total > bytes) this.#banks.delete(modulus);
    }
  }
}
