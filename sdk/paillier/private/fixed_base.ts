/**
 * Powers of fixed bases by table, one base for each lane.
 *
 * @module
 */
import type { Arithmetic } from "../public/kernel.ts";
import type { Pacer } from "../../support/pacing.ts";

/** Registers of the two powers; the table may begin behind them. */
const result = 0;

/**
 * Powers of a fixed base, two at a time, by table: with exponent
 * s = sum of d_i 2^(wi), base^s = product of T[i][d_i], T[i][d] = base^(d 2^(wi)).
 *
 * An exponent of e bits costs e/w products and the table (e/w) 2^w numbers.
 * Look-ups are indexed by secret digits, so this is not constant-time (SECURITY.md).
 */
export class FixedBaseTable {
  readonly #arithmetic: Arithmetic;
  readonly #first: number;
  readonly #windowBits: number;
  readonly #windows: number;
  /** A power in each lane; only the table registers change. */
  readonly #program: Uint32Array;

  private constructor(arithmetic: Arithmetic, options: FixedBaseOptions) {
    this.#arithmetic = arithmetic;
    this.#first = options.firstRegister;
    this.#windowBits = options.windowBits;
    this.#windows = Math.ceil(options.exponentBits / options.windowBits);
    this.#program = powerProgram(this.#windows);
  }

  /**
   * Builds the table; takes (exponentBits/windowBits) 2^windowBits products.
   *
   * @param arithmetic of two equal moduli
   */
  static async build(
    arithmetic: Arithmetic,
    base: bigint,
    options: FixedBaseOptions,
    pacer: Pacer,
  ): Promise<FixedBaseTable> {
    const table = new FixedBaseTable(arithmetic, options);
    const size = 1 << table.#windowBits;
    arithmetic.reserve(table.#register(table.#windows, 2));
    const [modulus] = arithmetic.moduli;
    const first = table.#register(0, 1);
    arithmetic.loadPair(first, 0, base % modulus, base / modulus);
    for (let window = 0; window < table.#windows; window++) {
      // T[i][2^w], one step beyond the window, is T[i+1][1].
      const entry = (digit: number) =>
        digit < size
          ? table.#register(window, digit)
          : table.#register(window + 1, 1);
      arithmetic.loadPair(entry(0), 0, 1n, 0n);
      const program = [
        entry(2),
        entry(1),
        entry(1),
        result,
        entry(1),
        entry(1),
      ];
      for (let digit = 3; digit <= size; digit++) {
        program.push(entry(digit), entry(digit - 2), entry(2));
      }
      arithmetic.run(Uint32Array.from(program));
      if (pacer.due()) await pacer.pause();
    }
    return table;
  }

  /**
   * base^exponent = a + b*modulus for each exponent.
   *
   * @param exponents big-endian
   */
  power(
    exponents: readonly [Uint8Array, Uint8Array],
  ): [[a: bigint, b: bigint], [a: bigint, b: bigint]] {
    const program = this.#program;
    const size = 1 << this.#windowBits;
    for (const lane of [0, 1]) {
      let window = 0, pending = 0, pendingBits = 0;
      const bytes = exponents[lane];
      for (let at = bytes.length - 1; window < this.#windows; at--) {
        pending |= (at < 0 ? 0 : bytes[at]) << pendingBits;
        pendingBits += 8;
        while (pendingBits >= this.#windowBits && window < this.#windows) {
          const digit = pending & (size - 1);
          program[operandAt(window, lane)] = this.#register(window, digit);
          pending >>>= this.#windowBits;
          pendingBits -= this.#windowBits;
          window++;
        }
      }
    }
    const arithmetic = this.#arithmetic;
    arithmetic.run(program);
    return [
      arithmetic.storePair(result, 0),
      arithmetic.storePair(result + 1, 1),
    ];
  }

  #register(window: number, digit: number): number {
    return this.#first + (window << this.#windowBits) + digit;
  }
}

export interface FixedBaseOptions {
  /** Table registers start here, at 2 or above. */
  firstRegister: number;
  exponentBits: number;
  /** 1 to 16. */
  windowBits: number;
}

/** result = T[0] T[1], then result *= T[i]; table operands are filled in later. */
function powerProgram(windows: number): Uint32Array {
  const program = new Uint32Array(6 * (windows - 1));
  for (let step = 0; step < windows - 1; step++) {
    for (const lane of [0, 1]) {
      program[6 * step + 3 * lane] = result + lane;
      program[6 * step + 3 * lane + 2] = result + lane;
    }
  }
  return program;
}

/**
 * Where the program names the table entry of a window: the left operand of a step, which
 * is read at once, since it may be far from the caches. Window 0 is the right one of the
 * first step.
 */
function operandAt(window: number, lane: number): number {
  return window === 0 ? 3 * lane + 2 : 6 * (window - 1) + 3 * lane + 1;
}
