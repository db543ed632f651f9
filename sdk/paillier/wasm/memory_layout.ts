/**
 * Where everything lies in the kernel's memory.
 *
 * @module
 */
import { type DigitFormat, vectorBytes } from "./limbs.ts";

/**
 * Where everything lies in the kernel's memory, for n limbs a component. A vector
 * is 16 bytes: one float64 or i64 of each lane.
 */
export interface Layout {
  /** Of the digits. */
  readonly format: DigitFormat;
  /** Limbs of each component. */
  readonly n: number;
  /** How the rows are taken, in this order. */
  readonly blocks: readonly Blocks[];
  /** Bytes of a register: n float64 digits of a, then n of b. */
  readonly registerBytes: number;

  /** Constant vectors of the product chains (see `sweeps.ts`). */
  readonly high: number;
  readonly highLow: number;
  readonly low: number;
  /** 1.5*2^(52+b): beside it numbers round to multiples of 2^b. */
  readonly round: number;
  readonly mask: number;
  readonly exponent: number;
  readonly balance: number;

  /**
   * What the sweeps reduce by: n vectors of M, then I = -1/M mod 2^b and, for long digits,
   * 1.5*2^102 - 2^52 I.
   */
  readonly modulus: number;
  readonly modulusVectors: number;
  /** The same for the lanes (0, 1), (0, 0) and (1, 1), to be copied to `modulus`. */
  readonly moduli: number;

  /** The left operand, lanes side by side: n vectors of a, then n of b. */
  readonly left: number;
  /** Column windows of the first and of the second component. */
  readonly columns1: number;
  readonly columns2: number;
  /** Initial columns, 2n vectors each. */
  readonly multiply1: number;
  readonly multiply2: number;
  readonly square1: number;
  readonly square2: number;

  /** What conversions need, of lane 0, then of lane 1. */
  readonly constants: number;
  readonly constantBytes: number;
  /** Within the constants: registers (1, 0), then M R^2, R^2, R^3, ... modulo M^2. */
  readonly one: number;
  readonly pairPowers: number;
  readonly wordPowers: number;
  /** Within the constants: digits of M and a 0, then 2^(b (n - leading)) / M. */
  readonly plainModulus: number;
  readonly inverse: number;
  /** Leading digits that estimate a multiple of M: 150 bits of them. */
  readonly leading: number;

  /** Scratch registers, one for each word of an input. */
  readonly scratch: number;
  /** Low and high halves of the columns of an output, and its 2n digits. */
  readonly lowColumns: number;
  readonly highColumns: number;
  readonly digits: number;
  /** Big-endian bytes of an input end here, with zeros before them. */
  readonly inputEnd: number;
  readonly inputBytes: number;
  /** 64-bit words of an integer below R, little-endian, and two of zeros. */
  readonly integer: number;
  readonly integerWords: number;
  /** Little-endian bytes of an output. */
  readonly output: number;
  readonly outputBytes: number;
  /** Steps of a program, 24 bytes each. */
  readonly program: number;
  readonly programSteps: number;
  /** Register 0. Before it lies one register that idle lanes work on. */
  readonly bank: number;
}

/** Blocks of equally many rows. */
export interface Blocks {
  readonly rows: number;
  /** The first block's first row. */
  readonly first: number;
  readonly times: number;
}

/** Numbers of so many long digits, and shorter ones, are multiplied two rows at a time. */
const maxLimbsInTwos = 16;

/**
 * All n rows in blocks, and what remains in one block. Three rows of long digits with
 * their chains just fit the 15 vector registers that engines use on x64, as do four of
 * short ones, which have one chain in place of two; four of long digits (the limit, see
 * `sweeps.ts`) are no faster below 4096 bits. Short numbers, primes of keys of three
 * and four, are faster in twos: less code, which quotients wait for less.
 */
function blocksOf(n: number, { fused, rows: max }: DigitFormat): Blocks[] {
  const rows = fused && n <= maxLimbsInTwos ? 2 : max, rest = n % rows;
  const whole = { rows, first: 0, times: (n - rest) / rows };
  return rest === 0
    ? [whole]
    : [whole, { rows: rest, first: n - rest, times: 1 }];
}

/**
 * Words (digits to the base R) of the longest input, 8 times the modulus in bytes: a
 * ciphertext modulo one of four primes. Even.
 */
export const maxWords = 10;

export function layoutFor(n: number, format: DigitFormat): Layout {
  const limbBits = format.bits;
  let top = 64;
  // The gaps keep arrays that are swept together off the same cache sets.
  const vectors = (count: number) => {
    const address = top;
    top += 16 * count + 48;
    return address;
  };
  const registerBytes = vectorBytes * n;
  const plainModulus = (2 + maxWords) * registerBytes;
  const inverse = plainModulus + 8 * (n + 1);
  const constantBytes = 16 * Math.ceil((inverse + 8) / 16);
  const inputBytes = Math.ceil(maxWords * n * limbBits / 8) + 16;
  const integerWords = Math.ceil(n * limbBits / 64) + 2;
  const outputBytes = 8 * Math.ceil(2 * n * limbBits / 64) + 8;
  const programSteps = 512; // little beside the first-level cache
  const layout = {
    format,
    n,
    blocks: blocksOf(n, format),
    registerBytes,
    high: vectors(1),
    highLow: vectors(1),
    low: vectors(1),
    round: vectors(1),
    mask: vectors(1),
    exponent: vectors(1),
    balance: vectors(1),
    modulus: vectors(n + 2),
    modulusVectors: n + 2,
    moduli: vectors(3 * (n + 2)),
    left: vectors(2 * n),
    columns1: vectors(n + format.rows),
    columns2: vectors(n + format.rows),
    multiply1: vectors(2 * n),
    multiply2: vectors(2 * n),
    square1: vectors(2 * n),
    square2: vectors(2 * n),
    constants: vectors(constantBytes / 8),
    constantBytes,
    one: 0,
    pairPowers: registerBytes,
    wordPowers: 2 * registerBytes,
    plainModulus,
    inverse,
    leading: 150 / limbBits,
    scratch: vectors(maxWords * n),
    lowColumns: vectors(n + 1),
    highColumns: vectors(n + 1),
    digits: vectors(n),
    inputEnd: vectors(Math.ceil(inputBytes / 16)) + inputBytes,
    inputBytes,
    integer: vectors(Math.ceil(integerWords / 2)),
    integerWords,
    output: vectors(Math.ceil(outputBytes / 16)),
    outputBytes,
    program: vectors(programSteps * 1.5),
    programSteps,
  };
  return { ...layout, bank: vectors(n) + registerBytes };
}
