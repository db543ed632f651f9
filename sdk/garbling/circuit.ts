/**
 * Circuits over wires, for many equal instances ("lanes") at once.
 *
 * XOR and NOT are free. A bit that the garbler knows costs nothing in an XOR and one
 * ciphertext in an AND. Public constants become gates only where a wire is asked for.
 *
 * @module
 */

import { CipherlayerError } from "../support/errors.ts";

export type Wire = number;
/** A wire, or a public constant. */
export type Bit = Wire | boolean;
/** Lowest bit first. */
export type Word = Bit[];
/** Number of a bit that the garbler knows, one value a lane. */
export type KnownBit = number;

/**
 * One gate. `known` numbers a bit, `value` a number that only the garbler knows; a
 * projection tells the evaluator value + a 2^shift modulo 2^bits in the clear.
 */
export type Gate =
  | { op: "xor" | "and"; a: Wire; b: Wire; out: Wire }
  | { op: "not"; a: Wire; out: Wire }
  | { op: "flip" | "andKnown"; a: Wire; known: KnownBit; out: Wire }
  | { op: "zero"; out: Wire }
  | { op: "project"; a: Wire; value: number };

/** What a projection tells: a number of `bits` bits, to which its wire adds 2^shift. */
export interface Projection {
  bits: number;
  shift: number;
}

/** Largest number of bits of a projection: a hash has no more. */
export const projectionBitsMax = 128;

/** Words of each number that a projection tells. */
export const projectionWords = projectionBitsMax / 32;

/** Gates of one circuit: for gateways what is built comes from a plan of the cloud's. */
const maxGates = 2 ** 20;

/** A circuit under construction, and the finished one. */
export class Circuit {
  readonly gates: Gate[] = [];
  readonly outputs: Wire[] = [];
  /** In order. */
  readonly projections: Projection[] = [];
  inputs = 0;
  knownBits = 0;
  wires = 0;
  ands = 0;
  knownAnds = 0;

  #add(gate: Gate): void {
    if (this.gates.length === maxGates) {
      throw new CipherlayerError(
        "unsupported",
        `Cannot seal a round: expected circuits of at most ${maxGates} gates`,
      );
    }
    this.gates.push(gate);
  }

  /** New input wires, lowest first; inputs come before gates. */
  word(bits: number): Wire[] {
    if (this.gates.length > 0) {
      throw new TypeError("Cannot add an input: expected it before any gate");
    }
    return Array.from({ length: bits }, () => {
      this.inputs++;
      return this.wires++;
    });
  }

  /** A new bit that the garbler knows. */
  known(): KnownBit {
    return this.knownBits++;
  }

  xor(a: Bit, b: Bit): Bit {
    if (typeof a === "boolean") return a ? this.not(b) : b;
    if (typeof b === "boolean") return b ? this.not(a) : a;
    if (a === b) return false;
    const out = this.wires++;
    this.#add({ op: "xor", a, b, out });
    return out;
  }

  not(a: Bit): Bit {
    if (typeof a === "boolean") return !a;
    const out = this.wires++;
    this.#add({ op: "not", a, out });
    return out;
  }

  and(a: Bit, b: Bit): Bit {
    if (typeof a === "boolean") return a ? b : false;
    if (typeof b === "boolean") return b ? a : false;
    if (a === b) return a;
    const out = this.wires++;
    this.#add({ op: "and", a, b, out });
    this.ands++;
    return out;
  }

  or(a: Bit, b: Bit): Bit {
    return this.not(this.and(this.not(a), this.not(b)));
  }

  /** a xor what the garbler knows. */
  flip(a: Bit, known: KnownBit): Wire {
    const from = this.wire(a), out = this.wires++;
    this.#add({ op: "flip", a: from, known, out });
    return out;
  }

  /** a and what the garbler knows: one ciphertext. */
  andKnown(a: Bit, known: KnownBit): Bit {
    if (a === false) return false;
    const from = this.wire(a), out = this.wires++;
    this.#add({ op: "andKnown", a: from, known, out });
    this.knownAnds++;
    return out;
  }

  /** Tells the evaluator, in the clear, value + a 2^shift modulo 2^bits; the garbler knows value. */
  project(a: Bit, { bits, shift }: Projection): void {
    if (!(shift >= 0 && shift < bits && bits <= projectionBitsMax)) {
      throw new RangeError(
        `Cannot project: expected a shift below ${bits} bits, and those at most ${projectionBitsMax}, got ${shift}`,
      );
    }
    const from = this.wire(a);
    const value = this.projections.push({ bits, shift }) - 1;
    this.#add({ op: "project", a: from, value });
  }

  /** A wire that holds a bit; a constant becomes the public label of zeros. */
  wire(a: Bit): Wire {
    if (typeof a === "number") return a;
    const out = this.wires++;
    this.#add({ op: "zero", out });
    return a ? this.not(out) as Wire : out;
  }

  output(...bits: Bit[]): void {
    for (const bit of bits) this.outputs.push(this.wire(bit));
  }
}
