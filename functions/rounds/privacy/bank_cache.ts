/**
 * Banks of randomisers, one for each gateway's key, within a number of bytes.
 *
 * @module
 */
import type { Kernel } from "../../../sdk/paillier/public/kernel.ts";
import { bitLength } from "../../../sdk/paillier/public/big_integer.ts";
import { runPaced, type Share } from "./paced.ts";
import { LruMap } from "../../models/lru.ts";
import { DirectRandomiser } from "./direct_randomiser.ts";
import { baseCount } from "./key_bases.ts";
import {
  bankBytes,
  bankGroups,
  type Randomiser,
  RandomiserBank,
} from "./randomisers.ts";

/** Keys without a bank whose answers are counted: about 50 kB each. */
export const keysCounted = 256;

/** A call's answers. */
interface RandomiserUse {
  /** Answers that an inference takes. */
  answers: number;
  /** Answers of this call. */
  count: number;
  /** Whose call it is. */
  caller?: Share;
}

interface CachedBank {
  modulus: bigint;
  groups: number;
  /** Whom the work counts for. */
  caller?: Share;
  built: PromiseWithResolvers<RandomiserBank>;
  /** 0 until it is opened. */
  bytes: number;
}

/**
 * Banks of the keys used last; any instance can make any of them again. A key's first
 * answers are randomised without one, by the same numbers: strangers who start sessions
 * cost nothing here. Banks are then built in the turns of calls that need them, one
 * after another, and count from the moment they are opened.
 */
export class BankCache {
  readonly #kernel: Kernel;
  readonly #sealingKey: Uint8Array;
  readonly #maxBytes: number;
  /** The one used last comes last. */
  readonly #banks = new Map<bigint, CachedBank>();
  /** Those to be built, the next one first. */
  readonly #waiting: CachedBank[] = [];
  readonly #first = new LruMap<
    bigint,
    { answers: number; randomiser: DirectRandomiser }
  >(keysCounted);
  #building = false;

  /** @param maxBytes for all banks together; the one built last may exceed it alone */
  constructor(kernel: Kernel, sealingKey: Uint8Array, maxBytes: number) {
    this.#kernel = kernel;
    this.#sealingKey = sealingKey;
    this.#maxBytes = maxBytes;
  }

  /** Memory of all banks, the one being built too. */
  get bytes(): number {
    return [...this.#banks.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /**
   * What randomises a call's answers: all that it may give do so by the same numbers.
   */
  async randomiser(
    modulus: bigint,
    { answers, count, caller }: RandomiserUse,
  ): Promise<Randomiser> {
    if (!this.#banks.has(modulus)) {
      const first = this.#first.getOrMake(modulus, () => ({
        answers: 0,
        randomiser: new DirectRandomiser(
          this.#kernel,
          this.#sealingKey,
          modulus,
        ),
      }));
      first.answers += count;
      // Each takes a full power, as does each base of a bank.
      if (first.answers <= baseCount(bitLength(modulus))) {
        return first.randomiser;
      }
    }
    return await this.bank(modulus, answers, caller);
  }

  /**
   * The bank of a key. The first call for it takes a full power for each base, as does one
   * that wants a larger bank than there is.
   *
   * @param answers that an inference takes
   * @param caller whom the work counts for
   */
  bank(
    modulus: bigint,
    answers: number,
    caller?: Share,
  ): Promise<RandomiserBank> {
    return this.#cached(modulus, answers, caller).built.promise;
  }

  #cached(modulus: bigint, answers: number, caller?: Share): CachedBank {
    const groups = bankGroups(answers, bitLength(modulus));
    const known = this.#banks.get(modulus);
    const cached: CachedBank = known && known.groups <= groups
      ? known
      : { modulus, groups, caller, built: Promise.withResolvers(), bytes: 0 };
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
    const { modulus, groups, caller, built } = cached;
    cached.bytes = bankBytes(this.#kernel, groups, bitLength(modulus));
    this.#evictBefore(cached);
    try {
      built.resolve(
        await runPaced(
          RandomiserBank.build(this.#kernel, this.#sealingKey, modulus, groups),
          { task: { usedMs: 0, caller } },
        ),
      );
    } catch (error) {
      if (this.#banks.get(modulus) === cached) this.#banks.delete(modulus);
      built.reject(error);
    }
  }

  /**
   * Forgets the banks not used for longest until there is room for the next. Their keys
   * begin again without one: else keys that come in turns would build one for each
   * inference.
   */
  #evictBefore(next: CachedBank): void {
    for (const [modulus, cached] of this.#banks) {
      if (this.bytes <= this.#maxBytes) return;
      if (cached === next || cached.bytes === 0) continue;
      this.#banks.delete(modulus);
      this.#first.delete(modulus);
    }
  }
}
