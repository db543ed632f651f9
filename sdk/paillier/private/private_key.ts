import { platformRandom, type RandomSource } from "../../support/random.ts";
import { bitLength } from "../public/big_integer.ts";
import { gcd, joinResidues, modInverse, modPower } from "../public/modular.ts";
import { PublicKey } from "../public/public_key.ts";
import { randomUnit } from "../public/random_integer.ts";

/** The two secret primes; whoever has them reads every ciphertext. */
export interface SecretPrimes {
  /** First prime factor of N. */
  readonly p: bigint;
  /** Second prime factor of N. */
  readonly q: bigint;
}

/**
 * A Paillier private key. Its primes are in private fields: printing, JSON,
 * `Object.keys`, spreading and structured cloning show none of them;
 * `exportPrimes()` alone gives them out.
 *
 * This is the readable form, one number at a time; `PaillierEngine` does the same in bulk.
 */
export class PrivateKey {
  readonly #p: bigint;
  readonly #q: bigint;
  readonly #publicKey: PublicKey;
  readonly #qInverse: bigint;
  /** (-q)^-1 mod p and (-p)^-1 mod q, which take L to the plaintext. */
  readonly #pScale: bigint;
  readonly #qScale: bigint;

  private constructor(p: bigint, q: bigint) {
    this.#p = p;
    this.#q = q;
    this.#publicKey = new PublicKey(p * q, {
      specialPrimes: (p & 3n) === 3n && (q & 3n) === 3n &&
        gcd(p - 1n, q - 1n) === 2n,
    });
    this.#qInverse = modInverse(q, p);
    this.#pScale = p - this.#qInverse;
    this.#qScale = q - modInverse(p, q);
  }

  /**
   * The key of two odd primes of about equal length. Primality is the caller's
   * business (`isProbablePrime`); all else is checked.
   *
   * @throws {RangeError} if the numbers cannot be a key, without naming them
   */
  static fromPrimes(p: bigint, q: bigint): PrivateKey {
    const usable = p > 2n && q > 2n && (p & 1n) === 1n && (q & 1n) === 1n &&
      Math.abs(bitLength(p) - bitLength(q)) <= 8 &&
      gcd(p * q, (p - 1n) * (q - 1n)) === 1n && p !== q;
    if (!usable) {
      throw new RangeError(
        "Cannot make private key: expected two different odd primes of about " +
          "equal length with gcd(pq, (p-1)(q-1)) = 1",
      );
    }
    return new PrivateKey(p, q);
  }

  /** The public part of the key. */
  get publicKey(): PublicKey {
    return this.#publicKey;
  }

  /** The secret itself, for storage and for the bulk code. Never log it. */
  exportPrimes(): SecretPrimes {
    return { p: this.#p, q: this.#q };
  }

  /**
   * A fresh encryption of `plaintext` in [0, N), the N-th residue drawn modulo p^2
   * and q^2: several times faster than the public key's.
   *
   * @throws {RangeError} if the plaintext is out of range
   */
  encrypt(plaintext: bigint, random: RandomSource = platformRandom): bigint {
    const n = this.#publicKey.modulus;
    if (plaintext < 0n || plaintext >= n) {
      throw new RangeError("Cannot encrypt: expected a plaintext in [0, N)");
    }
    const p2 = this.#p * this.#p, q2 = this.#q * this.#q;
    // The N-th residues modulo p^2 are the group of order p - 1, and so are the
    // p-th powers: r^p for a uniform r in [1, p) is uniform in it.
    const a = modPower(randomUnit(this.#p, random), this.#p, p2);
    const b = modPower(randomUnit(this.#q, random), this.#q, q2);
    const zero = joinResidues(a, b, {
      p: p2,
      q: q2,
      qInverse: modInverse(q2, p2),
    });
    return (1n + plaintext * n) * zero % (n * n);
  }

  /**
   * The plaintext in [0, N).
   *
   * @throws {RangeError} if the ciphertext is not in (0, N^2)
   */
  decrypt(ciphertext: bigint): bigint {
    const n = this.#publicKey.modulus;
    if (ciphertext <= 0n || ciphertext >= n * n) {
      throw new RangeError("Cannot decrypt: expected a ciphertext in (0, N^2)");
    }
    return joinResidues(
      residueOfPlaintext(ciphertext, this.#p, this.#pScale),
      residueOfPlaintext(ciphertext, this.#q, this.#qScale),
      { p: this.#p, q: this.#q, qInverse: this.#qInverse },
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

/**
 * m mod p: c^(p-1) = 1 + pL (mod p^2), and L = -q*m (mod p) because
 * (1 + N)^(m(p-1)) = 1 + m(p-1)N = 1 - pqm (mod p^2).
 */
function residueOfPlaintext(c: bigint, p: bigint, scale: bigint): bigint {
  const power = modPower(c, p - 1n, p * p);
  return power / p * scale % p;
}
