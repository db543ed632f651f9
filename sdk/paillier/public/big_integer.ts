/**
 * Big integers to bytes and back.
 *
 * @module
 */
import { bytesToHex } from "@noble/hashes/utils.js";

/** The non-negative integer that big-endian `bytes` spell. */
export function bigIntFromBytes(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt("0x" + bytesToHex(bytes));
}

/**
 * Big-endian bytes of `value`, left-padded with zeros to `length`.
 *
 * @throws {RangeError} if the value is negative or needs more bytes
 */
export function bytesFromBigInt(value: bigint, length: number): Uint8Array {
  const hex = value.toString(16).padStart(2 * length, "0");
  if (value < 0n || hex.length > 2 * length) {
    throw new RangeError(
      `Cannot write integer: expected 0 <= value < 2^${8 * length}, got ${
        value < 0n ? "a negative one" : `${4 * hex.length} bits`
      }`,
    );
  }
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    bytes[i] = digitAt(hex, 2 * i) << 4 | digitAt(hex, 2 * i + 1);
  }
  return bytes;
}

/** Value of a lower-case hexadecimal digit: "0" is 0x30, "a" is 0x61. */
function digitAt(hex: string, index: number): number {
  const code = hex.charCodeAt(index);
  return (code & 15) + 9 * (code >> 6);
}

/** Number of bits of |value|; 0 for 0. */
export function bitLength(value: bigint): number {
  if (value === 0n) return 0;
  const hex = (value < 0n ? -value : value).toString(16);
  return 4 * hex.length - Math.clz32(parseInt(hex[0], 16)) + 28;
}
