/**
 * Numbers for the kernel tests: moduli and operands that reach the bounds of its
 * digits, and a reproducible random source.
 */
import { bitLength } from "../../../sdk/paillier/public/big_integer.ts";
import type { RandomSource } from "../../../sdk/support/random.ts";

/** Reproducible bytes (xorshift128+; no security). */
export function seededRandom(seed: number): RandomSource {
  let a = BigInt(seed) * 0x9e3779b97f4a7c15n % 2n ** 64n | 1n;
  let b = 0x2545f4914f6cdd1dn;
  return (length) => {
    const words = new BigUint64Array(Math.ceil(length / 8));
    for (let i = 0; i < words.length; i++) {
      let x = a;
      a = b;
      x ^= BigInt.asUintN(64, x << 23n);
      b = x ^ b ^ (x >> 17n) ^ (b >> 26n);
      words[i] = a + b;
    }
    return new Uint8Array(words.buffer, 0, length);
  };
}

/** Draws from a random source. */
export class Draw {
  constructor(readonly random: RandomSource) {}

  /** Uniform in [0, count). */
  index(count: number): number {
    const [low, high] = new Uint32Array(this.random(8).slice().buffer);
    return Math.floor((low / 2 ** 32 + high / 2 ** 64) * count);
  }

  of<T>(...choices: T[]): T {
    return choices[this.index(choices.length)];
  }

  /** Uniform of this many bits. */
  bits(count: number): bigint {
    const words = new BigUint64Array(
      this.random(8 * Math.ceil(count / 64)).slice().buffer,
    );
    const value = words.reduce((value, word) => value << 64n | word, 0n);
    return BigInt.asUintN(count, value);
  }

  /**
   * |value| <= bound with all digits but the last at the ends of their range: at -2^49 with
   * this probability, else at 2^49 - 1 (of digits of 50 bits; of others accordingly).
   */
  extreme(bound: bigint, lowShare: number, bits = 50): bigint {
    const limbs = Math.ceil(bitLength(bound) / bits);
    const end = 1n << BigInt(bits - 1), shift = BigInt(bits * (limbs - 1));
    let low = 0n;
    for (let i = 0; i < limbs - 1; i++) {
      const digit = this.index(1000) < 1000 * lowShare ? -end : end - 1n;
      low = (low << BigInt(bits)) + digit;
    }
    const top = bound >> shift;
    let value = (this.of(top, -top, 0n, -1n, 1n) << shift) + low;
    while (value > bound) value -= 1n << shift;
    while (value < -bound) value += 1n << shift;
    return value;
  }
}

/** Two odd moduli of exactly this many bits, the same for every call. */
export function moduliOf(bits: number): readonly [bigint, bigint] {
  const draw = new Draw(seededRandom(bits));
  const modulus = () => 1n << BigInt(bits - 1) | draw.bits(bits - 1) | 1n;
  return [modulus(), modulus()];
}
