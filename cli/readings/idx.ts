/**
 * Reads IDX, the format of MNIST's files.
 *
 * @module
 */
import { gunzip } from "./gunzip.ts";

/** IDX, the format of MNIST's files (unsigned bytes), gzip-compressed or not. */
export interface IdxArray {
  shape: number[];
  data: Uint8Array;
}

/**
 * Decodes an IDX file of unsigned bytes.
 *
 * @throws {RangeError} where the bytes are no such file
 */
export async function decodeIdx(bytes: Uint8Array): Promise<IdxArray> {
  const plain = await gunzip(bytes);
  const view = new DataView(plain.buffer, plain.byteOffset, plain.byteLength);
  if (plain.length < 4 || view.getUint16(0) !== 0 || plain[2] !== 8) {
    throw new RangeError(
      "Cannot read IDX: expected magic bytes 00 00 08 (unsigned bytes)",
    );
  }
  const rank = plain[3], start = 4 + 4 * rank;
  if (plain.length < start) {
    throw new RangeError(
      `Cannot read IDX: its header of ${start} bytes is cut`,
    );
  }
  const shape = Array.from(
    { length: rank },
    (_, i) => view.getUint32(4 + 4 * i),
  );
  const size = shape.reduce((product, length) => product * length, 1);
  if (plain.length - start !== size) {
    throw new RangeError(
      `Cannot read IDX: expected ${size} elements of shape [${shape}], got ${
        plain.length - start
      }`,
    );
  }
  return { shape, data: plain.subarray(start) };
}
