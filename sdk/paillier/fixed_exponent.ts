import type { Arithmetic } from "./kernel.ts";
import { bitLength } from "./big_integer.ts";

/** Bits of a window: 5 costs as few products as 6 at 1,024 bits, in half the registers. */
const windowBits = 5;
const tableSize = 1 << windowBits;

/**
 * Powers with two fixed exponents, one for each lane, by fixed windows: the lanes
 * keep step whatever their digits. The program is built once and run for each base.
 *
 * Registers, from `firstRegister`: base^0 .. base^31 of both lanes side by side,
 * then the power.
 */
export class FixedExponent {
  readonly #arithmetic: Arithmetic;
  readonly #first: number;
  readonly #program: Uint32Array;

  /** Registers used in all. */
  static readonly registers: number = 2 * tableSize + 2;

  constructor(
    arithmetic: Arithmetic,
    exponents: readonly [bigint, bigint],
    firstRegister: number,
  ) {
    this.#arithmetic = arithmetic;
    this.#first = firstRegister;
    this.#program = this.#build(exponents);
    arithmetic.reserve(firstRegister + FixedExponent.registers);
    for (const lane of [0, 1] as const) {
      arithmetic.loadPair(this.#power(0, lane), lane, 1n, 0n);
    }
  }

  /**
   * The base's power as pairs, base given big-endian:
   * base^exponents[lane] mod moduli[lane]^2 = a + b*moduli[lane].
   */
  power(base: Uint8Array): [[bigint, bigint], [bigint, bigint]] {
    this.#arithmetic.load(this.#power(1, 0), 0, base);
    this.#arithmetic.load(this.#power(1, 1), 1, base);
    this.#arithmetic.run(this.#program);
    return [
      this.#arithmetic.storePair(this.#power(tableSize, 0), 0),
      this.#arithmetic.storePair(this.#power(tableSize, 1), 1),
    ];
  }

  /** Register of base^digit; digit `tableSize` stands for the result. */
  #power(digit: number, lane: number): number {
    return this.#first + 2 * digit + lane;
  }

  #build(exponents: readonly [bigint, bigint]): Uint32Array {
    const program: number[] = [];
    const step = (
      target: readonly [number, number],
      left: readonly [number, number],
      right: readonly [number, number],
    ) => {
      for (const lane of [0, 1]) {
        program.push(
          this.#power(target[lane], lane),
          this.#power(left[lane], lane),
          this.#power(right[lane], lane),
        );
      }
    };
    const both = (digit: number) => [digit, digit] as const;
    const result = both(tableSize);

    for (let digit = 2; digit < tableSize; digit++) {
      if (digit % 2 === 0) step(both(digit), both(digit / 2), both(digit / 2));
      else step(both(digit), both(digit - 1), both(1));
    }
    const bits = Math.max(...exponents.map(bitLength));
    const windows = Math.ceil(bits / windowBits);
    // The leading digits are squared straight out of the table.
    let power: readonly [number, number] = digits(exponents, windows - 1);
    for (let window = windows - 2; window >= 0; window--) {
      for (let i = 0; i < windowBits; i++) {
        step(result, power, power);
        power = result;
      }
      const [d0, d1] = digits(exponents, window);
      if (d0 !== 0 || d1 !== 0) step(result, power, [d0, d1]);
    }
    return Uint32Array.from(program);
  }
}

function digits(
  exponents: readonly [bigint, bigint],
  window: number,
): readonly [number, number] {
  const shift = BigInt(windowBits * window);
  const digit = (exponent: bigint) =>
    Number((exponent >> shift) & BigInt(tableSize - 1));
  return [digit(exponents[0]), digit(exponents[1])];
}
