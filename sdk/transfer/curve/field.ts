/**
 * Numbers modulo p = 2^255 - 19 in the curve's memory, named by their addresses.
 *
 * @module
 */
import { type CurveExports, freeAt } from "../wasm/curve.ts";
import { fieldBytes, limbBits, limbs } from "../wasm/field.ts";

/** Address of a number. */
export type Address = number;

const offsetOf = (limb: number): number => Math.ceil(25.5 * limb);

/** Bits from `offset` on of a number, its lowest byte first. */
function bitsAt(bytes: Uint8Array, offset: number, bits: number): number {
  let value = 0;
  for (let at = offset >> 3, shift = -(offset & 7); shift < bits; at++) {
    value += shift < 0 ? bytes[at] >> -shift : (bytes[at] ?? 0) * 2 ** shift;
    shift += 8;
  }
  return value % 2 ** bits;
}

export class Field {
  readonly #exports: CurveExports;
  #words: Int32Array;
  #free = freeAt;
  readonly #scratch: Address[];
  readonly #bytes = new Uint8Array(32);
  readonly zero: Address;
  readonly one: Address;
  /** A square root of -1. */
  readonly rootOfMinusOne: Address;

  constructor(exports: CurveExports) {
    this.#exports = exports;
    this.#words = new Int32Array(exports.memory.buffer);
    this.#scratch = Array.from({ length: 10 }, () => this.take());
    this.zero = this.constant(0n);
    this.one = this.constant(1n);
    this.rootOfMinusOne = this.constant(
      19681161376707505956807079304988542015446066515923890162744021073123829784752n,
    );
  }

  /** Takes memory for good, for so many numbers. */
  take(count = 1): Address {
    const at = this.#free;
    this.#free += count * fieldBytes;
    const { memory } = this.#exports;
    const missing = this.#free - memory.buffer.byteLength;
    if (missing > 0) {
      memory.grow(Math.ceil(missing / 65536));
      this.#words = new Int32Array(memory.buffer);
    }
    return at;
  }

  /** A number that stays. */
  constant(value: bigint): Address {
    const at = this.take();
    this.write(
      at,
      Uint8Array.from(
        { length: 32 },
        (_, i) => Number(value >> BigInt(8 * i) & 255n),
      ),
    );
    return at;
  }

  copy(out: Address, from: Address, count = 1): void {
    const first = from >> 2;
    this.#words.copyWithin(out >> 2, first, first + limbs * count);
  }

  /** Words of so many numbers. */
  words(at: Address, count: number): Int32Array {
    return this.#words.subarray(at >> 2, (at >> 2) + limbs * count);
  }

  multiply(out: Address, a: Address, b: Address): void {
    this.#exports.multiply(out, a, b);
  }

  square(out: Address, a: Address): void {
    this.#exports.square(out, a);
  }

  add(out: Address, a: Address, b: Address): void {
    this.#exports.add(out, a, b);
  }

  subtract(out: Address, a: Address, b: Address): void {
    this.#exports.subtract(out, a, b);
  }

  negate(out: Address, a: Address): void {
    this.#exports.subtract(out, this.zero, a);
  }

  /** out = a where `choice` is 1, and stays where it is 0. */
  choose(out: Address, a: Address, choice: number): void {
    const words = this.#words, mask = -choice;
    for (let i = 0; i < limbs; i++) {
      const to = (out >> 2) + i;
      words[to] ^= mask & (words[to] ^ words[(a >> 2) + i]);
    }
  }

  /** Lowest byte first; the highest bit is not read. */
  write(out: Address, bytes: Uint8Array): void {
    for (let i = 0; i < limbs; i++) {
      this.#words[(out >> 2) + i] = bitsAt(bytes, offsetOf(i), limbBits(i));
    }
  }

  /** The 32 bytes of a number in [0, p), lowest first. @returns `to` */
  read(a: Address, to: Uint8Array = this.#bytes): Uint8Array {
    const [carried] = this.#scratch;
    // Limbs of a product are small, whatever they were before.
    this.#exports.multiply(carried, a, this.one);
    const from = carried >> 2, h = this.#words.subarray(from, from + limbs);
    // How often p goes into it: 0 or 1, or -1 where it is negative.
    let quotient = 19 * h[9] + (1 << 24) >> 25;
    for (let i = 0; i < limbs; i++) quotient = h[i] + quotient >> limbBits(i);
    let carry = 19 * quotient, held = 0, heldBits = 0, byte = 0;
    for (let i = 0; i < limbs; i++) {
      const limb = h[i] + carry, bits = limbBits(i);
      carry = limb >> bits;
      held += (limb & (1 << bits) - 1) * 2 ** heldBits;
      heldBits += bits;
      for (; heldBits >= 8 || i === 9 && heldBits > 0; heldBits -= 8) {
        to[byte++] = held % 256;
        held = Math.floor(held / 256);
      }
    }
    return to;
  }

  /** 1 where it is odd in [0, p), else 0. */
  isNegative(a: Address): number {
    return this.read(a)[0] & 1;
  }

  /** 1 or 0. */
  isZero(a: Address): number {
    let some = 0;
    for (const byte of this.read(a)) some |= byte;
    return some - 1 >> 8 & 1;
  }

  /** 1 or 0. */
  isEqual(a: Address, b: Address): number {
    const [, difference] = this.#scratch;
    this.subtract(difference, a, b);
    return this.isZero(difference);
  }

  /** Changes its sign where it is odd in [0, p). */
  makeEven(a: Address): void {
    const [, negative] = this.#scratch;
    this.negate(negative, a);
    this.choose(a, negative, this.isNegative(a));
  }

  /** 1/a; 0 of 0. */
  invert(out: Address, a: Address): void {
    const [, , eleven, power] = this.#scratch;
    this.#power250(power, a, eleven);
    this.#exports.squareTimes(power, power, 5);
    this.multiply(out, power, eleven); // 2^255 - 21
  }

  /**
   * The even square root of u/v, or of i u/v where that has none. @returns 1 or 0:
   * whether it has
   */
  rootOfRatio(out: Address, u: Address, v: Address): number {
    const [, , eleven, power, check, root] = this.#scratch;
    this.square(root, v);
    this.multiply(root, root, v); // v^3
    this.square(check, root);
    this.multiply(check, check, v); // v^7
    this.multiply(check, check, u);
    this.#power250(power, check, eleven);
    this.#exports.squareTimes(power, power, 2);
    this.multiply(power, power, check); // 2^252 - 3 = (p - 5) / 8
    this.multiply(root, root, u);
    this.multiply(root, root, power);
    this.square(check, root);
    this.multiply(check, check, v);
    const isRoot = this.isEqual(check, u);
    this.negate(power, u);
    const isRootOfMinus = this.isEqual(check, power);
    this.multiply(power, power, this.rootOfMinusOne);
    const isRootOfMinusI = this.isEqual(check, power);
    this.multiply(power, root, this.rootOfMinusOne);
    this.choose(root, power, isRootOfMinus | isRootOfMinusI);
    this.makeEven(root);
    this.copy(out, root);
    return isRoot | isRootOfMinus;
  }

  /** out = a^(2^250 - 1), eleven = a^11. */
  #power250(out: Address, a: Address, eleven: Address): void {
    const { squareTimes } = this.#exports;
    const [, , , , , , x, y, ten, fifty] = this.#scratch;
    squareTimes(x, a, 1); // 2
    squareTimes(y, x, 2); // 8
    this.multiply(y, y, a); // 9
    this.multiply(eleven, y, x); // 11
    squareTimes(x, eleven, 1); // 22
    this.multiply(x, x, y); // 2^5 - 1
    const extend = (bits: number, by: Address) => {
      squareTimes(y, x, bits);
      this.multiply(x, y, by);
    };
    extend(5, x);
    this.copy(ten, x);
    extend(10, x);
    extend(20, x);
    extend(10, ten);
    this.copy(fifty, x);
    extend(50, x);
    extend(100, x);
    extend(50, fifty);
    this.copy(out, x);
  }
}
