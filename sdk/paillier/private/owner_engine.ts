/**
 * Encrypts and decrypts batches with the primes of the modulus.
 *
 * @module
 */
import { platformRandom, type RandomSource } from "../../support/random.ts";
import { Pacer } from "../../support/pacing.ts";
import type { Kernel } from "../public/kernel.ts";
import { PrimeEngine } from "./prime_engine.ts";
import type { SecretPrimes } from "./private_key.ts";
import { residueBases } from "./residue_base.ts";
import { cofactorInverses, ResidueJoiner } from "./residue_joiner.ts";

/** An encryption of 0, r^N mod N^2 = a + bN. Used once, never stored. */
export interface Randomiser {
  readonly a: bigint;
  readonly b: bigint;
}

export interface EngineOptions {
  kernel: Kernel;
  random?: RandomSource;
  /** Width of the windows of the encryption table; see FixedBaseTable. */
  tableWindowBits: number;
}

/**
 * The arithmetic of a key's owner: modulo the square of each prime, joined by the
 * Chinese remainder theorem. Numbers are encrypted and decrypted in twos, which go
 * through the lanes side by side.
 */
export class OwnerEngine {
  readonly #primes: SecretPrimes;
  readonly #engines: readonly PrimeEngine[];
  readonly #random: RandomSource;
  readonly #tableWindowBits: number;
  #preparation: Promise<void> | undefined;
  /** Joins the a of randomisers, the b, and the L of plaintexts; see where they are used. */
  readonly #firsts: ResidueJoiner;
  readonly #seconds: ResidueJoiner;
  readonly #plaintexts: ResidueJoiner;

  constructor(primes: SecretPrimes, options: EngineOptions) {
    this.#primes = primes;
    this.#engines = primes.map((p) => new PrimeEngine(p, options.kernel));
    this.#random = options.random ?? platformRandom;
    this.#tableWindowBits = options.tableWindowBits;
    const inverses = cofactorInverses(primes);
    this.#firsts = new ResidueJoiner(primes);
    this.#seconds = new ResidueJoiner(primes, inverses);
    this.#plaintexts = new ResidueJoiner(primes, inverses.map((x) => -x));
  }

  /**
   * Builds the tables that `randomisers()` needs, unless they are there. Whoever asks
   * meanwhile waits for the same ones: two would mix in the registers.
   */
  async prepareEncryption(): Promise<void> {
    this.#preparation ??= this.#buildTables();
    try {
      await this.#preparation;
    } catch (error) {
      this.#preparation = undefined;
      throw error;
    }
  }

  async #buildTables(): Promise<void> {
    const pacer = new Pacer();
    const bases = await residueBases(this.#primes, this.#random, pacer);
    for (const [i, engine] of this.#engines.entries()) {
      await engine.prepare(bases[i], this.#tableWindowBits, pacer);
    }
  }

  /** Two fresh uniform N-th residues, from independent ones modulo each p^2. */
  randomisers(): [Randomiser, Randomiser] {
    const residues = this.#engines.map((engine) =>
      engine.residues(this.#random)
    );
    const randomiser = (lane: 0 | 1): Randomiser => {
      const a = this.#firsts.join(residues.map((two) => two[lane][0]));
      // a + bN = a_p + b_p p (mod p^2) leaves b N/p = b_p - (a - a_p)/p (mod p).
      const b = this.#seconds.join(this.#primes.map((p, i) => {
        const [aP, bP] = residues[i][lane];
        return (bP - (a - aP) / p) % p;
      }));
      return { a, b };
    };
    return [randomiser(0), randomiser(1)];
  }

  /** The plaintexts in [0, N) of big-endian ciphertexts in (0, N^2). */
  decryptAll(ciphertexts: readonly Uint8Array[]): bigint[] {
    const plaintexts: bigint[] = [];
    for (let at = 0; at < ciphertexts.length; at += 2) {
      // The last of an odd number keeps itself company.
      const first = ciphertexts[at], second = ciphertexts[at + 1] ?? first;
      plaintexts.push(...this.#decryptTwo([first, second]));
    }
    return plaintexts.slice(0, ciphertexts.length);
  }

  /** One ciphertext in each lane: c^(p-1) = 1 + pL and L = -(N/p) m modulo p^2 and p. */
  #decryptTwo(
    ciphertexts: readonly [Uint8Array, Uint8Array],
  ): [bigint, bigint] {
    const powers = this.#engines.map((engine) => engine.powers(ciphertexts));
    const plaintext = (lane: 0 | 1) =>
      this.#plaintexts.join(powers.map((two) => two[lane][1]));
    return [plaintext(0), plaintext(1)];
  }
}

/**
 * (1 + mN)(a + bN) = a + (b + ma mod N)N (mod N^2): one product of half size.
 * m + 2N in place of m gives the same ciphertext from numbers of one length, so
 * that the time does not depend on the size of the plaintext; m + N would not do:
 * it takes a word more where it passes a power of two.
 */
export function encryptWith(
  { a, b }: Randomiser,
  plaintext: bigint,
  n: bigint,
): bigint {
  return a + (b + (plaintext + 2n * n) * a) % n * n;
}
