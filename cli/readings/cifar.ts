/**
 * CIFAR-10's binary files: records of one label and a picture, gzip-compressed or not.
 *
 * @module
 */
import { gunzip } from "./gunzip.ts";

export interface CifarPictures {
  /** [pictures, 3, 32, 32]: channels first, red, green, blue. */
  shape: [number, number, number, number];
  data: Uint8Array;
  /** One a picture, 0 to 9. */
  classes: Uint8Array;
}

const channels = 3, side = 32;
const pictureBytes = channels * side * side;
const recordBytes = 1 + pictureBytes;
const classCount = 10;

/** Whether a path is named as these files are (`test_batch.bin`, also `.gz`). */
export function isCifarPath(path: string): boolean {
  return /\.bin(\.gz)?$/.test(path);
}

/**
 * Decodes a file of CIFAR-10's binary version.
 *
 * @throws {RangeError} where the bytes are no whole number of records, or a label is
 * above 9
 */
export async function decodeCifar(bytes: Uint8Array): Promise<CifarPictures> {
  const plain = await gunzip(bytes);
  const count = plain.length / recordBytes;
  if (count === 0 || !Number.isInteger(count)) {
    throw new RangeError(
      `Cannot read CIFAR-10: expected records of ${recordBytes} bytes, got ${plain.length} bytes`,
    );
  }
  const data = new Uint8Array(count * pictureBytes);
  const classes = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const record = plain.subarray(i * recordBytes, (i + 1) * recordBytes);
    if (record[0] >= classCount) {
      throw new RangeError(
        `Cannot read CIFAR-10: expected labels below ${classCount}, got ${
          record[0]
        } in record ${i}`,
      );
    }
    classes[i] = record[0];
    data.set(record.subarray(1), i * pictureBytes);
  }
  return { shape: [count, channels, side, side], data, classes };
}
