/**
 * The readable kernel: every register a BigInt. The fallback, and the reference of the
 * fast one.
 *
 * @module
 */
import type { Arithmetic, Kernel, Lane } from "./kernel.ts";
import { bigIntFromBytes, bytesFromBigInt } from "./big_integer.ts";

/** What an engine keeps with a BigInt: its class and length, and a pointer to it. */
const bigIntHeaderBytes = 24;

/**
 * The readable reference: every register a BigInt. It is also the fallback where
 * the WASM kernel's self-test fails.
 */
export const bigIntKernel: Kernel = {
  name: "bigint",
  registerBytes: (modulusBits) =>
    bigIntHeaderBytes + Math.ceil(modulusBits / 4),
  open: (moduli, registers) => new BigIntArithmetic(moduli, registers),
};

class BigIntArithmetic implements Arithmetic {
  readonly #squares: [bigint, bigint];
  readonly #bank: bigint[] = [];

  constructor(
    readonly moduli: readonly [bigint, bigint],
    registers: number,
  ) {
    this.#squares = [moduli[0] * moduli[0], moduli[1] * moduli[1]];
    this.reserve(registers);
  }

  get registers(): number {
    return this.#bank.length;
  }

  reserve(registers: number): void {
    while (this.#bank.length < registers) this.#bank.push(0n);
  }

  load(register: number, lane: Lane, bytes: Uint8Array): void {
    this.#bank[register] = bigIntFromBytes(bytes) % this.#squares[lane];
  }

  loadPair(register: number, lane: Lane, a: bigint, b: bigint): void {
    this.#bank[register] = a + b * this.moduli[lane];
  }

  store(register: number, _lane: Lane, out: Uint8Array): void {
    out.set(bytesFromBigInt(this.#bank[register], out.length));
  }

  storePair(register: number, lane: Lane): [a: bigint, b: bigint] {
    const value = this.#bank[register], modulus = this.moduli[lane];
    return [value % modulus, value / modulus];
  }

  run(program: Uint32Array): void {
    const bank = this.#bank;
    const [square0, square1] = this.#squares;
    for (let at = 0; at < program.length; at += 6) {
      const even = bank[program[at + 1]] * bank[program[at + 2]] % square0;
      if (at + 3 < program.length) {
        bank[program[at + 3]] = bank[program[at + 4]] *
            bank[program[at + 5]] % square1;
      }
      bank[program[at]] = even;
    }
  }
}
