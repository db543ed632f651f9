/**
 * Vector instructions on four 32-bit lanes, beside those of the Paillier kernel's assembler.
 *
 * @module
 */
import {
  type Code,
  i32,
  type Local,
  vectorBinary,
} from "../../paillier/wasm/assembler.ts";

/** 0xfd and an opcode in LEB128. */
const simd = (opcode: number): Code =>
  opcode < 128
    ? [0xfd, opcode]
    : [0xfd, opcode % 128 + 128, Math.floor(opcode / 128)];
const shift = (opcode: number) => (a: Code, bits: number): Code => [
  a,
  i32(bits),
  simd(opcode),
];

export const xor = vectorBinary(0x51);
export const addI32 = vectorBinary(0xae);
export const subI32 = vectorBinary(0xb1);
const shiftLeftI32 = shift(0xab);
const shiftRightI32 = shift(0xad);
export const splatI32 = (a: Code): Code => [a, simd(0x11)];

/** A vector of four constants. */
export const constant = (words: readonly number[]): Code => [
  simd(0x0c),
  [...new Uint8Array(new Uint32Array(words).buffer)],
];

/** Sixteen bytes, each by its place in `a` (0 to 15) or `b` (16 to 31). */
export const pickBytes = (
  a: Code,
  b: Code,
  places: readonly number[],
): Code => [a, b, simd(0x0d), [...places]];

/** Four words, each by its place in `a` (0 to 3) or `b` (4 to 7). */
export const pickWords = (a: Code, b: Code, places: readonly number[]): Code =>
  pickBytes(
    a,
    b,
    places.flatMap((w) => [4 * w, 4 * w + 1, 4 * w + 2, 4 * w + 3]),
  );

/** Each lane of a local rotated left; whole bytes are moved rather than shifted. */
export function rotateLeft(a: Local, bits: number): Code {
  if (bits % 8 !== 0) {
    return [shiftLeftI32(a, bits), shiftRightI32(a, 32 - bits), simd(0x50)];
  }
  const bytes = Array.from(
    { length: 16 },
    (_, i) => (i & ~3) | ((i - bits / 8) & 3),
  );
  return pickBytes(a, a, bytes);
}
