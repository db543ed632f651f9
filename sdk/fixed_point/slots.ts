/**
 * Reading and writing the slots of one plaintext, through
 * 32-bit words: a shift of a BigInt for every slot would cost more than the
 * encryption of the whole plaintext.
 *
 * @module
 */

/** Largest slot whose integers stay exact in a number. */
export const largestSlotBits = 53;

/** Largest magnitude that a slot takes; what is beyond is written as this. */
export const largestSlotValue = 2 ** 52;

const carryBias = 2 ** 52;

const hexDigits = new TextEncoder().encode("0123456789abcdef");
const ascii = new TextDecoder();

/** Writes signed slots, lowest first, to the integer sum of x_s * 2^(slotBits*s). */
export class SlotWriter {
  readonly #slotBits: number;
  readonly #slotSize: number;
  readonly #words: Uint32Array;
  readonly #hex: Uint8Array;
  #bit = 0;
  /** What the slots so far owe to the next: the digits written are non-negative. */
  #carry = 0;

  constructor(slots: number, slotBits: number) {
    this.#slotBits = slotBits;
    this.#slotSize = 2 ** slotBits;
    this.#words = new Uint32Array(Math.ceil(slots * slotBits / 32) + 2);
    this.#hex = new Uint8Array(2 + 8 * this.#words.length);
    this.#hex.set([48, 120]); // "0x"
  }

  /**
   * Appends one slot, also where the value is wider than it. Total: what is beyond
   * 2^52 is written as 2^52, what is no number as 0.
   */
  push(value: number): void {
    const held = value > largestSlotValue
      ? largestSlotValue
      : value < -largestSlotValue
      ? -largestSlotValue
      : value === value
      ? value
      : 0;
    const total = held + this.#carry;
    const carry = Math.floor(total / this.#slotSize);
    const digit = total - carry * this.#slotSize;
    this.#carry = carry;
    if (this.#slotBits <= 32) {
      this.#put(digit >>> 0, this.#slotBits);
    } else {
      this.#put(digit >>> 0, 32);
      this.#put(Math.floor(digit / 2 ** 32), this.#slotBits - 32);
    }
  }

  /** The signed integer that the slots spell; the writer starts afresh. */
  finish(): bigint {
    const words = this.#words, hex = this.#hex;
    let at = 2;
    for (let w = words.length - 1; w >= 0; w--) {
      const word = words[w];
      for (let shift = 28; shift >= 0; shift -= 4) {
        hex[at++] = hexDigits[(word >>> shift) & 15];
      }
    }
    const digits = BigInt(ascii.decode(hex));
    // The carry, below 2^52 in magnitude, joins as a positive number of constant
    // size, so that the time does not tell its sign or whether there is one.
    const bit = BigInt(this.#bit);
    const value = digits + (BigInt(this.#carry + carryBias) << bit) -
      (BigInt(carryBias) << bit);
    words.fill(0);
    this.#bit = 0;
    this.#carry = 0;
    return value;
  }

  #put(digit: number, bits: number): void {
    const word = this.#bit >>> 5, shift = this.#bit & 31;
    this.#words[word] |= digit << shift;
    if (shift + bits > 32) this.#words[word + 1] = digit >>> (32 - shift);
    this.#bit += bits;
  }
}

/** Reads non-negative slots of a plaintext whose bits above the used ones are dropped. */
export class SlotReader {
  readonly #slotBits: number;
  readonly #words: Uint32Array;

  constructor(slots: number, slotBits: number) {
    this.#slotBits = slotBits;
    this.#words = new Uint32Array(Math.ceil(slots * slotBits / 32) + 2);
  }

  /** Opens `plaintext` mod 2^(slots * slotBits), slots no more than constructed for. */
  open(plaintext: bigint, slots: number): void {
    const words = this.#words;
    const bits = slots * this.#slotBits;
    // The bit above the slots, which none reads, makes all plaintexts equally long.
    const hex = (BigInt.asUintN(bits, plaintext) | 1n << BigInt(bits))
      .toString(16);
    words.fill(0);
    for (let i = hex.length - 1, shift = 0; i >= 0; i--, shift += 4) {
      const code = hex.charCodeAt(i);
      words[shift >>> 5] |= (code < 58 ? code - 48 : code - 87) << (shift & 31);
    }
  }

  /** The slot's digit in [0, 2^slotBits). */
  digit(slot: number): number {
    const bit = slot * this.#slotBits;
    return this.#slotBits <= 32
      ? this.#piece(bit, this.#slotBits)
      : this.#piece(bit, 32) +
        this.#piece(bit + 32, this.#slotBits - 32) * 2 ** 32;
  }

  #piece(bit: number, bits: number): number {
    const word = bit >>> 5, shift = bit & 31;
    let piece = this.#words[word] >>> shift;
    if (shift + bits > 32) piece |= this.#words[word + 1] << (32 - shift);
    return bits === 32 ? piece >>> 0 : piece & (2 ** bits - 1);
  }
}
