/**
 * Tables as they travel: nothing of padding lanes, rows and decoding bits packed.
 *
 * @module
 */
import type { Schedule } from "./schedule.ts";

/** Bytes of the ciphertexts of `lanes` lanes. */
export const tableBytes = (
  circuit: Pick<Schedule, "ands" | "knownAnds">,
  lanes: number,
): number => lanes * (32 * circuit.ands + 16 * circuit.knownAnds);

/** Bytes of the projections' rows of `lanes` lanes. */
export const rowBytes = (
  circuit: Pick<Schedule, "projections">,
  lanes: number,
): number =>
  Math.ceil(
    2 * lanes * circuit.projections.reduce((sum, { bits }) => sum + bits, 0) /
      8,
  );

/** Words of vectors of four lanes, cut to the lanes that are real. */
export function cutLanes(words: Uint32Array, lanes: number): Uint32Array {
  const groups = Math.ceil(lanes / 4), rest = lanes % 4;
  if (rest === 0) return words;
  const perGroup = 4 * Math.floor(words.length / groups / 4);
  const tail = (groups - 1) * perGroup, vectors = perGroup / 4;
  const cut = new Uint32Array(tail + vectors * rest);
  cut.set(words.subarray(0, tail));
  for (let v = 0; v < vectors; v++) {
    const from = words.subarray(tail + 4 * v, tail + 4 * v + rest);
    cut.set(from, tail + rest * v);
  }
  return cut;
}

/** The reverse; padding lanes are zeros. */
export function fillLanes(cut: Uint32Array, lanes: number): Uint32Array {
  const groups = Math.ceil(lanes / 4), rest = lanes % 4;
  if (rest === 0) return cut;
  const vectors = cut.length / lanes;
  const words = new Uint32Array(4 * vectors * groups);
  const tail = 4 * vectors * (groups - 1);
  words.set(cut.subarray(0, tail));
  for (let v = 0; v < vectors; v++) {
    const from = cut.subarray(tail + rest * v, tail + rest * (v + 1));
    words.set(from, tail + 4 * v);
  }
  return words;
}

/** Numbers one after the other, lowest bit first. */
export class BitWriter {
  readonly bytes: Uint8Array;
  #at = 0;

  constructor(bits: number) {
    this.bytes = new Uint8Array(Math.ceil(bits / 8));
  }

  /** Up to 32 bits of a number that is 0 above them. */
  write(value: number, bits: number): void {
    for (let left = value, i = 0; i < bits;) {
      const place = this.#at & 7, taken = Math.min(8 - place, bits - i);
      this.bytes[this.#at >> 3] |= left << place;
      left >>>= taken;
      this.#at += taken;
      i += taken;
    }
  }
}

/** Reads what {@linkcode BitWriter} wrote. */
export class BitReader {
  #at = 0;
  constructor(readonly bytes: Uint8Array) {}

  /** Up to 32 bits. */
  read(bits: number): number {
    let value = 0;
    for (let i = 0; i < bits;) {
      const place = this.#at & 7, taken = Math.min(8 - place, bits - i);
      const piece = this.bytes[this.#at >> 3] >> place & (1 << taken) - 1;
      value |= piece << i;
      this.#at += taken;
      i += taken;
    }
    return value >>> 0;
  }
}
