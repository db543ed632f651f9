/**
 * A Paillier public key in its readable form.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { platformRandom, type RandomSource } from "../../support/random.ts";
import { bitLength, bytesFromBigInt } from "./big_integer.ts";
import { residueFromSeed } from "./hash_to_residue.ts";
import { modInverse, modPower } from "./modular.ts";
import { randomBits, randomUnit } from "./random_integer.ts";

/**
 * A Paillier public key N with generator N + 1: E(m; r) = (1 + mN) r^N mod N^2.
 *
 * This is the readable form, one number at a time, for code that holds no private
 * key; `PaillierEngine` encrypts a hundred times faster.
 *
 * @example
 * ```ts
 * import { generatePrivateKey } from "@cipherlayer/sdk";
 *
 * const key = await generatePrivateKey(512, { insecure: true });
 * const { publicKey } = key;
 * const sum = publicKey.add(publicKey.encrypt(20n), publicKey.encrypt(1n));
 * if (key.decrypt(publicKey.multiply(sum, 2n)) !== 42n) throw new Error("wrong");
 * ```
 */
export class PublicKey {
  /** N */
  readonly modulus: bigint;
  /** Length of N in bits. */
  readonly modulusBits: number;
  /** Length of N in bytes. */
  readonly modulusBytes: number;
  /** Bytes of one ciphertext, a number modulo N^2. */
  readonly ciphertextBytes: number;
  /** SHA-256 of N, big-endian, in lower-case hexadecimal. */
  readonly fingerprint: string;
  /**
   * Whether N is promised to be a product of primes p, q = 3 (mod 4) with
   * gcd(p-1, q-1) = 2, which permits the short exponents of Damgard, Jurik and
   * Nielsen (2010). Keys of other libraries do not promise it.
   */
  readonly specialPrimes: boolean;
  readonly #square: bigint;
  #residue: bigint | undefined;

  /**
   * The key of a modulus.
   *
   * @param modulus N: odd, at least 16 bits
   * @throws {RangeError} on an even or tiny modulus
   */
  constructor(modulus: bigint, options: { specialPrimes?: boolean } = {}) {
    if (modulus < 1n << 15n || (modulus & 1n) === 0n) {
      throw new RangeError(
        "Cannot use public key: expected an odd modulus of 16 bits or more",
      );
    }
    this.modulus = modulus;
    this.modulusBits = bitLength(modulus);
    this.modulusBytes = Math.ceil(this.modulusBits / 8);
    this.ciphertextBytes = 2 * this.modulusBytes;
    this.fingerprint = bytesToHex(sha256(this.toBytes()));
    this.specialPrimes = options.specialPrimes ?? false;
    this.#square = modulus * modulus;
  }

  /** N, big-endian, in `modulusBytes` bytes: as a session request carries it. */
  toBytes(): Uint8Array {
    return bytesFromBigInt(this.modulus, this.modulusBytes);
  }

  /**
   * A fresh encryption of `plaintext`.
   *
   * @param plaintext in [0, N); write a negative number -x as N - x
   * @throws {RangeError} if the plaintext is out of range
   */
  encrypt(plaintext: bigint, random: RandomSource = platformRandom): bigint {
    if (plaintext < 0n || plaintext >= this.modulus) {
      throw new RangeError(
        "Cannot encrypt: expected a plaintext in [0, N)",
      );
    }
    const message = 1n + plaintext * this.modulus;
    return message * this.#encryptionOfZero(random) % this.#square;
  }

  /**
   * A ciphertext of the sum (mod N).
   *
   * @throws {RangeError} if either is not in (0, N^2)
   */
  add(left: bigint, right: bigint): bigint {
    return this.#check(left) * this.#check(right) % this.#square;
  }

  /**
   * A ciphertext of the product with a known number, which may be negative.
   *
   * @throws {RangeError} if the ciphertext is not in (0, N^2) or, for a negative
   * factor, shares a divisor with N
   */
  multiply(ciphertext: bigint, factor: bigint): bigint {
    const base = factor < 0n
      ? modInverse(this.#check(ciphertext), this.#square)
      : this.#check(ciphertext);
    return modPower(base, factor < 0n ? -factor : factor, this.#square);
  }

  /**
   * Another ciphertext of the same plaintext, unlinkable to the first.
   *
   * @throws {RangeError} if the ciphertext is not in (0, N^2)
   */
  rerandomise(
    ciphertext: bigint,
    random: RandomSource = platformRandom,
  ): bigint {
    return this.#check(ciphertext) * this.#encryptionOfZero(random) %
      this.#square;
  }

  /**
   * r^N for a uniform unit r; with special primes (h^N)^s for h = -x^2 and s of
   * |N|/2 bits, where x is hashed from N so that everyone has the same h.
   */
  #encryptionOfZero(random: RandomSource): bigint {
    const n = this.modulus;
    if (!this.specialPrimes) {
      return modPower(randomUnit(n, random), n, this.#square);
    }
    if (this.#residue === undefined) {
      const x = residueFromSeed("cipherlayer-djn-v1", n, 0);
      this.#residue = modPower(n - x * x % n, n, this.#square);
    }
    const exponent = randomBits(Math.ceil(this.modulusBits / 2), random);
    return modPower(this.#residue, exponent, this.#square);
  }

  #check(ciphertext: bigint): bigint {
    if (ciphertext <= 0n || ciphertext >= this.#square) {
      throw new RangeError("Cannot use ciphertext: expected it in (0, N^2)");
    }
    return ciphertext;
  }
}
