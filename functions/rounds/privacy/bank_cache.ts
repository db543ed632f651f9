import type { Kernel } from "../../../sdk/paillier/public/kernel.ts";
import { bitLength } from "../../../sdk/paillier/public/big_integer.ts";
import { runPaced } from "./paced.ts";
import { bankBytes, bankGroups, RandomiserBank } from "./randomisers.ts";

interface CachedBank {
  modulus: bigint;
  groups: number;
  built: PromiseWithResolvers<RandomiserBank>;
  /** 0 until it is opened. */
  bytes: number;
}

/**
 * Banks of the keys used last; any instance can make any of them again. They are built
 * one after another, so that whatever else runs here keeps half of the time, and count
 * from the moment they are opened.
 */
export class BankCache {
  readonly #kernel: Kernel;
  readonly #sealingKey: Uint8Array;
  readonly #maxBytes: number;
  /** The one used last comes last. */
  readonly #banks = new Map<bigint, CachedBank>();
  /** Those to be built, the next one first. */
  readonly #waiting: CachedBank[] = [];
  #building = false;

  /** @param maxBytes for all banks together; the one built last may exceed it alone */
  constructor(kernel: Kernel, sealingKey: Uint8Array, maxBytes: number) {
    this.#kernel = kernel;
    this.#sealingKey = sealingKey;
    this.#maxBytes = maxBytes;
  }

  /** Banks that are being built or wait for it. */
  get pending(): number {
    return this.#waiting.length + Number(this.#building);
  }

  /** Whether a session of this key need not wait for banks of others. */
  isFree(modulus: bigint): boolean {
    return this.pending === 0 || this.#banks.has(modulus);
  }

  /** Memory of all banks, the one being built too. */
  get bytes(): number {
    return [...this.#banks.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /**
   * The bank of a key, for a call that waits for it: built next. The first call for it
   * takes 40 full powers, as does one that wants a larger bank than there is.
   *
   * @param answers that an inference takes
   */
  get(modulus: bigint, answers: number): Promise<RandomiserBank> {
    const cached = this.#cached(modulus, answers);
    const place = this.#waiting.indexOf(cached);
    if (place > 0) this.#waiting.unshift(...this.#waiting.splice(place, 1));
    return cached.built.promise;
  }

  /** The same for calls still to come: built when those that are waited for are. */
  prepare(modulus: bigint, answers: number): Promise<RandomiserBank> {
    return this.#cached(modulus, answers).built.promise;
  }

  #cached(modulus: bigint, answers: number): CachedBank {
    const groups = bankGroups(answers, bitLength(modulus));
    const known = this.#banks.get(modulus);
    const cached: CachedBank = known && known.groups <= groups
      ? known
      : { modulus, groups, built: Promise.withResolvers(), bytes: 0 };
    this.#banks.delete(modulus);
    this.#banks.set(modulus, cached);
    if (cached !== known) {
      this.#waiting.push(cached);
      void this.#buildAll();
    }
    return cached;
  }

  async #buildAll(): Promise<void> {
    if (this.#building) return;
    this.#building = true;
    while (this.#waiting.length > 0) {
      await this.#build(this.#waiting.shift()!);
    }
    this.#building = false;
  }

  async #build(cached: CachedBank): Promise<void> {
    const { modulus, groups, built } = cached;
    cached.bytes = bankBytes(groups, bitLength(modulus));
    this.#evictBefore(cached);
    try {
      built.resolve(
        await runPaced(
          RandomiserBank.build(this.#kernel, this.#sealingKey, modulus, groups),
        ),
      );
    } catch (error) {
      if (this.#banks.get(modulus) === cached) this.#banks.delete(modulus);
      built.reject(error);
    }
  }

  /** Forgets the banks not used for longest until there is room for the next. */
  #evictBefore(next: CachedBank): void {
    for (const [modulus, cached] of this.#banks) {
      if (this.bytes <= this.#maxBytes) return;
      if (cached !== next && cached.bytes > 0) this.#banks.delete(modulus);
    }
  }
}
