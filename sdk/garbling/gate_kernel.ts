/**
 * What garbles and evaluates one gate on many lanes at once, in its own memory.
 *
 * A wire of `groups` groups is 64 bytes a group: words 0, 1, 2 and 3 of four labels,
 * each word as four 32-bit lanes. Two kernels do the same: WebAssembly vectors, and
 * plain JavaScript where there are none.
 *
 * @module
 */

/** Where Delta and the salt lie, each word four times; the caller's memory follows. */
export const deltaAt = 0, saltAt = 64, heapAt = 1024;

/** A gate with tables. `gate` and `lane` are the tweak of the first group's first lane. */
export type TableGate = (
  a: number,
  b: number,
  out: number,
  table: number,
  groups: number,
  gate: number,
  lane: number,
) => void;

/** Addresses are in bytes, multiples of 16. */
export interface GateKernel {
  /** The whole memory; another array after `reserve`. */
  readonly words: Uint32Array;
  /** Makes the memory at least this large. */
  reserve(bytes: number): void;
  /** out = a xor b */
  xor(a: number, b: number, out: number, groups: number): void;
  /** out = a xor (bits and Delta); `bits` has 16 bytes a group, all ones or zeros a lane. */
  flip(a: number, bits: number, out: number, groups: number): void;
  /** out = a xor Delta */
  not(a: number, out: number, groups: number): void;
  /** Half gates: 128 bytes of table a group. */
  garbleAnd: TableGate;
  evaluateAnd: TableGate;
  /** Only the garbler's half: `b` is what it knows, as in `flip`; 64 bytes a group. */
  garbleKnown: TableGate;
  /** `b` is not used. */
  evaluateKnown: TableGate;
  /** The hash in `domain`. */
  hash(
    a: number,
    out: number,
    groups: number,
    gate: number,
    lane: number,
    domain: number,
  ): void;
}
