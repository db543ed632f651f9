import type { Arithmetic } from "../public/kernel.ts";
import type { Pacer } from "../../support/pacing.ts";

/**
 * Powers of two fixed bases, one for each lane, by table: with exponent
 * s = sum of d_i 2^(wi), base^s = product of T[i][d_i], T[i][d] = base^(d 2^(wi)).
 *
 * An exponent of e bits costs e/w products and the table (e/w) 2^w numbers a lane.
 * Look-ups are indexed by secret digits, so this is not constant-time (SECURITY.md).
 */
export class FixedBaseTable {
  readonly #arithmetic: Arithmetic;
  readonly #first: number;
  readonly #windowBits: number;
  readonly #windows: number;
  /** One power in both lanes; only the table registers on the right change. */
  readonly #program: Uint32Array;

  /**
   * Fills the registers from `firstRegister` on; the power goes to `result`, `result + 1`.
   *
   * @param exponentBits longest exponent
   * @param windowBits 1 to 16
   */
  private constructor(
    arithmetic: Arithmetic,
    options: FixedBaseOptions,
  ) {
    this.#arithmetic = arithmetic;
    this.#first = options.firstRegister;
    this.#windowBits = options.windowBits;
    this.#windows = Math.ceil(options.exponentBits / options.windowBits);
    this.#program = powerProgram(options.result, this.#windows);
  }

  /** Builds the table; takes (exponentBits/windowBits) 2^windowBits products a lane. */
  static async build(
    arithmetic: Arithmetic,
    bases: readonly [bigint, bigint],
    options: FixedBaseOptions,
    pacer: Pacer,
  ): Promise<FixedBaseTable> {
    const table = new FixedBaseTable(arithmetic, options);
    const size = 1 << table.#windowBits;
    arithmetic.reserve(table.#register(table.#windows, 0, 0));
    for (const lane of [0, 1] as const) {
      const modulus = arithmetic.moduli[lane], base = bases[lane];
      arithmetic.loadPair(
        table.#register(0, 1, lane),
        lane,
        base % modulus,
        base / modulus,
      );
      for (let window = 0; window < table.#windows; window++) {
        arithmetic.loadPair(table.#register(window, 0, lane), lane, 1n, 0n);
      }
    }
    for (let window = 0; window < table.#windows; window++) {
      const program: number[] = [];
      // T[i][d] = T[i][d-1] T[i][1]; one step further gives T[i+1][1].
      const last = window + 1 < table.#windows ? size : size - 1;
      for (let digit = 2; digit <= last; digit++) {
        for (const lane of [0, 1]) {
          program.push(
            digit < size
              ? table.#register(window, digit, lane)
              : table.#register(window + 1, 1, lane),
            table.#register(window, digit - 1, lane),
            table.#register(window, 1, lane),
          );
        }
      }
      arithmetic.run(Uint32Array.from(program));
      if (pacer.due()) await pacer.pause();
    }
    return table;
  }

  /**
   * Leaves bases[lane]^exponents[lane] in registers `result` and `result + 1`.
   *
   * @param exponents big-endian
   */
  power(exponents: readonly [Uint8Array, Uint8Array]): void {
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
          program[operandAt(window, lane)] = this.#register(
            window,
            digit,
            lane,
          );
          pending >>>= this.#windowBits;
          pendingBits -= this.#windowBits;
          window++;
        }
      }
    }
    this.#arithmetic.run(program);
  }

  /** Both lanes' entries side by side: one step reads neighbours. */
  #register(window: number, digit: number, lane: number): number {
    return this.#first + 2 * ((window << this.#windowBits) + digit) + lane;
  }
}

export interface FixedBaseOptions {
  /** Table registers start here, at an even one. */
  firstRegister: number;
  /** An even register. */
  result: number;
  exponentBits: number;
  windowBits: number;
}

/** result = T[0] T[1], then result *= T[i]; table operands are filled in later. */
function powerProgram(result: number, windows: number): Uint32Array {
  const program = new Uint32Array(6 * (windows - 1));
  for (let step = 0; step < windows - 1; step++) {
    for (const lane of [0, 1]) {
      program[6 * step + 3 * lane] = result + lane;
      program[6 * step + 3 * lane + 1] = result + lane;
    }
  }
  return program;
}

/** Where the program names the table entry of a window: window 0 is the left operand of the first step. */
function operandAt(window: number, lane: number): number {
  return window === 0 ? 3 * lane + 1 : 6 * (window - 1) + 3 * lane + 2;
}
