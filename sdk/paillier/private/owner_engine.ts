import { platformRandom, type RandomSource } from "../../support/random.ts";
import { bitLength, bytesFromBigInt } from "../public/big_integer.ts";
import { FixedBaseTable } from "./fixed_base.ts";
import { FixedExponent } from "./fixed_exponent.ts";
import type { Arithmetic, Kernel } from "../public/kernel.ts";
import { joinResidues, modInverse } from "../public/modular.ts";
import { Pacer } from "../../support/pacing.ts";
import type { SecretPrimes } from "./private_key.ts";
import { residueBases } from "./residue_base.ts";

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
 * The arithmetic of a key's owner: modulo p^2 and q^2, joined by the Chinese
 * remainder theorem. To encrypt, the two halves of one number go side by side; to
 * decrypt, two ciphertexts do, because equal exponents permit sliding windows.
 */
export class OwnerEngine {
  readonly #p: bigint;
  readonly #q: bigint;
  readonly #arithmetic: Arithmetic;
  readonly #pPower: FixedExponent;
  readonly #qPower: FixedExponent;
  readonly #random: RandomSource;
  readonly #tableWindowBits: number;
  #table: FixedBaseTable | undefined;
  #preparation: Promise<void> | undefined;
  readonly #qInverse: bigint;
  readonly #pInverse: bigint;
  /** (-q)^-1 mod p and (-p)^-1 mod q, which take L to the plaintext. */
  readonly #pScale: bigint;
  readonly #qScale: bigint;
  readonly #pOrder: Uint8Array;
  readonly #qOrder: Uint8Array;

  constructor({ p, q }: SecretPrimes, options: EngineOptions) {
    this.#p = p;
    this.#q = q;
    this.#random = options.random ?? platformRandom;
    this.#tableWindowBits = options.tableWindowBits;
    const { kernel } = options;
    this.#arithmetic = kernel.open([p, q], 2);
    this.#pPower = new FixedExponent(kernel.open([p, p], 0), p - 1n);
    this.#qPower = new FixedExponent(kernel.open([q, q], 0), q - 1n);
    this.#qInverse = modInverse(q, p);
    this.#pInverse = modInverse(p, q);
    this.#pScale = p - this.#qInverse;
    this.#qScale = q - this.#pInverse;
    this.#pOrder = bytesFromBigInt(p - 1n, Math.ceil(bitLength(p) / 8));
    this.#qOrder = bytesFromBigInt(q - 1n, Math.ceil(bitLength(q) / 8));
  }

  /**
   * Builds the table that `randomiser()` needs, unless it is there. Whoever asks
   * meanwhile waits for the same one: two would mix in the registers.
   */
  async prepareEncryption(): Promise<void> {
    this.#preparation ??= this.#buildTable();
    try {
      await this.#preparation;
    } catch (error) {
      this.#preparation = undefined;
      throw error;
    }
  }

  async #buildTable(): Promise<void> {
    const pacer = new Pacer();
    const primes = [this.#p, this.#q] as const;
    const bases = await residueBases(primes, this.#random, pacer);
    this.#table = await FixedBaseTable.build(this.#arithmetic, bases, {
      result: 0,
      firstRegister: 2,
      exponentBits: Math.max(bitLength(this.#p), bitLength(this.#q)),
      windowBits: this.#tableWindowBits,
    }, pacer);
  }

  /** A fresh uniform N-th residue, from independent ones modulo p^2 and q^2. */
  randomiser(): Randomiser {
    if (this.#table === undefined) {
      throw new TypeError("Cannot draw randomiser: table not prepared");
    }
    this.#table.power([
      randomBytesBelow(this.#pOrder, this.#random),
      randomBytesBelow(this.#qOrder, this.#random),
    ]);
    const p = this.#p, q = this.#q;
    const [aP, bP] = this.#arithmetic.storePair(0, 0);
    const [aQ, bQ] = this.#arithmetic.storePair(1, 1);
    // a + bN = aP + bP*p (mod p^2) leaves bq = bP - (a - aP)/p (mod p), likewise for q.
    const primes = { p, q, qInverse: this.#qInverse };
    const a = joinResidues(aP, aQ, primes);
    const b = joinResidues(
      (bP - (a - aP) / p) * this.#qInverse % p,
      (bQ - (a - aQ) / q) * this.#pInverse % q,
      primes,
    );
    return { a, b: b < 0n ? b + p * q : b };
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

  /**
   * One ciphertext in each lane: c^(p-1) = 1 + pL (mod p^2) and L = -qm (mod p), likewise for q.
   */
  #decryptTwo(
    ciphertexts: readonly [Uint8Array, Uint8Array],
  ): [bigint, bigint] {
    const p = this.#p, q = this.#q;
    const inP = this.#pPower.power(ciphertexts);
    const inQ = this.#qPower.power(ciphertexts);
    const plaintext = (lane: 0 | 1) =>
      joinResidues(
        // The prime on top: products of one size also where L is 0.
        (inP[lane][1] + p) * this.#pScale % p + 2n * p,
        (inQ[lane][1] + q) * this.#qScale % q,
        { p, q, qInverse: this.#qInverse },
      );
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

/** Uniform below `bound`, big-endian and as long, by rejection. */
function randomBytesBelow(bound: Uint8Array, random: RandomSource): Uint8Array {
  const mask = 0xff >> (Math.clz32(bound[0]) - 24);
  for (;;) {
    const bytes = random(bound.length);
    bytes[0] &= mask;
    if (isBelow(bytes, bound)) return bytes;
  }
}

/** Compares big-endian numbers of equal length. */
export function isBelow(left: Uint8Array, right: Uint8Array): boolean {
  const at = left.findIndex((byte, index) => byte !== right[index]);
  return at >= 0 && left[at] < right[at];
}
