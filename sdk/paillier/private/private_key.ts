/**
 * A Paillier private key, whose primes are neither enumerable nor printed.
 *
 * @module
 */
import { platformRandom, type RandomSource } from "../../support/random.ts";
import { bitLength } from "../public/big_integer.ts";
import { gcd, modPower } from "../public/modular.ts";
import { PublicKey } from "../public/public_key.ts";
import { randomUnit } from "../public/random_integer.ts";
import { cofactorInverses, ResidueJoiner } from "./residue_joiner.ts";

/** The secret prime factors of N, two to four: with them every ciphertext can be read. */
export type SecretPrimes = readonly bigint[];

/**
 * A Paillier private key. Its primes are in private fields: printing, JSON,
 * `Object.keys`, spreading and structured cloning show none of them;
 * `exportPrimes()` alone gives them out.
 *
 * This is the readable form, one number at a time; `PaillierEngine` does the same in bulk.
 *
 * @example
 * ```ts
 * import { generatePrivateKey, PrivateKey } from "@cipherlayer/sdk";
 *
 * const key = await generatePrivateKey(2048);
 * const again = PrivateKey.fromPrimes(...key.exportPrimes());
 * if (again.decrypt(key.encrypt(7n)) !== 7n) throw new Error("wrong plaintext");
 * if (String(key) !== `PrivateKey(${key.publicKey.fingerprint})`) throw new Error("prints a secret");
 * ```
 */
export class PrivateKey {
  readonly #primes: SecretPrimes;
  readonly #publicKey: PublicKey;
  /** Takes L modulo each prime to the plaintext, see `decrypt`. */
  readonly #plaintexts: ResidueJoiner;

  private constructor(primes: SecretPrimes) {
    this.#primes = primes;
    this.#publicKey = new PublicKey(product(primes), {
      specialPrimes: primes.length === 2 && areSpecial(primes),
    });
    const inverses = cofactorInverses(primes);
    this.#plaintexts = new ResidueJoiner(primes, inverses.map((x) => -x));
  }

  /**
   * The key of two to four odd primes of about equal length. Primality is the
   * caller's business (`isProbablePrime`); all else is checked.
   *
   * @throws {RangeError} if the numbers cannot be a key, without naming them
   */
  static fromPrimes(...primes: bigint[]): PrivateKey {
    const lengths = primes.map(bitLength);
    const usable = primes.length >= 2 && primes.length <= 4 &&
      primes.every((p) => p > 2n && (p & 1n) === 1n) &&
      Math.max(...lengths) - Math.min(...lengths) <= 8 &&
      new Set(primes).size === primes.length &&
      gcd(product(primes), product(primes.map((p) => p - 1n))) === 1n &&
      everyPair(primes, (p, q) => gcd(p, q) === 1n);
    if (!usable) {
      throw new RangeError(
        "Cannot make private key: expected two to four different odd primes of " +
          "about equal length with gcd(N, phi(N)) = 1",
      );
    }
    return new PrivateKey([...primes]);
  }

  /** The public part of the key. */
  get publicKey(): PublicKey {
    return this.#publicKey;
  }

  /** The secret itself, for storage and for the bulk code. Never log it. */
  exportPrimes(): SecretPrimes {
    return [...this.#primes];
  }

  /**
   * A fresh encryption of `plaintext` in [0, N), the N-th residue drawn modulo the
   * square of each prime: several times faster than the public key's.
   *
   * @throws {RangeError} if the plaintext is out of range
   */
  encrypt(plaintext: bigint, random: RandomSource = platformRandom): bigint {
    const n = this.#publicKey.modulus;
    if (plaintext < 0n || plaintext >= n) {
      throw new RangeError("Cannot encrypt: expected a plaintext in [0, N)");
    }
    // The N-th residues modulo p^2 are the group of order p - 1, and so are the
    // p-th powers: r^p for a uniform r in [1, p) is uniform in it.
    const squares = this.#primes.map((p) => p * p);
    const zero = new ResidueJoiner(squares).join(
      this.#primes.map((p, i) =>
        modPower(randomUnit(p, random), p, squares[i])
      ),
    );
    return (1n + plaintext * n) * zero % (n * n);
  }

  /**
   * The plaintext in [0, N): c^(p-1) = 1 + pL (mod p^2) for each prime p, and
   * L = -(N/p) m (mod p) because (1 + N)^(m(p-1)) = 1 + m(p-1)N = 1 - mN (mod p^2).
   *
   * @throws {RangeError} if the ciphertext is not in (0, N^2)
   */
  decrypt(ciphertext: bigint): bigint {
    const n = this.#publicKey.modulus;
    if (ciphertext <= 0n || ciphertext >= n * n) {
      throw new RangeError("Cannot decrypt: expected a ciphertext in (0, N^2)");
    }
    return this.#plaintexts.join(
      this.#primes.map((p) => modPower(ciphertext, p - 1n, p * p) / p),
    );
  }

  /** What consoles print: the fingerprint of the public key, no secret. */
  toString(): string {
    return `PrivateKey(${this.#publicKey.fingerprint})`;
  }

  /**
   * Refuses, so that no JSON holds a key by accident.
   *
   * @throws {TypeError} always
   */
  toJSON(): never {
    throw new TypeError(
      "Cannot serialise private key: use exportPrivateJwk or a key store",
    );
  }

  /** What `Deno.inspect` and Deno's console print. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }

  /** What Node's console prints. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}

/** Whether all are 3 modulo 4, and p - 1 and q - 1 have no common factor but 2 for any two. */
export function areSpecial(primes: SecretPrimes): boolean {
  return primes.every((p) => (p & 3n) === 3n) &&
    everyPair(primes, (p, q) => gcd(p - 1n, q - 1n) === 2n);
}

function everyPair(
  primes: SecretPrimes,
  holds: (p: bigint, q: bigint) => boolean,
): boolean {
  return primes.every((p, i) => primes.slice(0, i).every((q) => holds(p, q)));
}

function product(factors: readonly bigint[]): bigint {
  return factors.reduce((product, factor) => product * factor, 1n);
}
