/**
 * Modular arithmetic as the rest of the project sees it: a bank of registers,
 * each holding one number modulo the square of a modulus, and one bulk operation,
 * a list of products. The WASM kernel keeps the numbers in its own memory and its
 * own (Montgomery, pair) form; the BigInt kernel is the readable reference.
 *
 * Two lanes: the products at even places of a program are taken modulo
 * `moduli[0]^2`, those at odd places modulo `moduli[1]^2`. The cloud opens
 * [N, N]; the key's owner opens [p, q], so that both CRT halves run side by side.
 *
 * @module
 */

/** 0: modulo `moduli[0]^2`. 1: modulo `moduli[1]^2`. */
export type Lane = 0 | 1;

/** A way to multiply modulo squares; `selectKernel` chooses one. */
export interface Kernel {
  /** Which one it is; shown in outputs. */
  readonly name: "wasm" | "wasm-unfused" | "bigint";
  /** Memory of a register, about, for a modulus of this many bits. */
  registerBytes(modulusBits: number): number;
  /**
   * Opens arithmetic modulo the squares of two odd moduli of about equal length.
   *
   * @param moduli each odd, 200 to 4096 bits
   * @param registers how many numbers the bank holds at first
   */
  open(moduli: readonly [bigint, bigint], registers: number): Arithmetic;
}

/** A bank of registers, each holding a number modulo the square of a modulus. */
export interface Arithmetic {
  /** M of lane 0 and of lane 1; products are taken modulo M^2. */
  readonly moduli: readonly [bigint, bigint];
  /** Registers 0 .. registers-1 exist; each starts as 0. */
  readonly registers: number;
  /** Makes the bank at least this large; contents stay. */
  reserve(registers: number): void;
  /** Register = value of the big-endian `bytes` (at most 8 times the modulus's length), reduced. */
  load(register: number, lane: Lane, bytes: Uint8Array): void;
  /** Register = a + b*M exactly, for 0 <= a < M, 0 <= b < M (M = moduli[lane]). */
  loadPair(register: number, lane: Lane, a: bigint, b: bigint): void;
  /** Writes the canonical value in [0, M^2), big-endian, left-padded with zeros, to `out`. */
  store(register: number, lane: Lane, out: Uint8Array): void;
  /** The canonical value as (a, b), a + b*M, both in [0, M). */
  storePair(register: number, lane: Lane): [a: bigint, b: bigint];
  /**
   * Runs `program`, triples (target, left, right): target = left * right. Products
   * 2i and 2i+1 run side by side: both read before either writes, and their
   * targets must differ. Steps take effect in order. A program of odd length ends with a step of
   * lane 0 alone. `left === right` in both lanes of a step is a square, which
   * costs less. Registers hold numbers of the lane that they are used in; with
   * equal moduli any register serves either lane.
   */
  run(program: Uint32Array): void;
}
