/**
 * Reads a PNG file of any kind into samples.
 *
 * @module
 */
import { convertIndexedToRgb, decode } from "fast-png";

/** Samples pixel by pixel, row-major. */
export interface PngSamples {
  width: number;
  height: number;
  /** Values of a pixel: grey or red, green, blue, then alpha where `channels` is even. */
  channels: number;
  values: ArrayLike<number>;
  /** What full light is. */
  max: number;
}

/** Pixels of a picture at most: 50 megapixels. */
export const maxPixels = 50_000_000;

/**
 * @throws {RangeError} if a picture is larger than `maxPixels` by its own words,
 * before it is decoded; {Error} if it is damaged
 */
export function decodePng(bytes: Uint8Array): PngSamples {
  checkSize(bytes);
  const image = decode(bytes);
  const { width, height, depth, channels, data } = image;
  if (image.palette) {
    const values = convertIndexedToRgb(image);
    return {
      width,
      height,
      values,
      channels: image.palette[0].length,
      max: 255,
    };
  }
  const max = 2 ** depth - 1;
  if (depth >= 8) return { width, height, values: data, channels, max };
  // Below 8 bits (grey only) each row starts at a new byte.
  const rowBytes = Math.ceil(width * depth / 8);
  const values = Uint8Array.from({ length: width * height }, (_, pixel) => {
    const bit = pixel % width * depth;
    const byte = data[Math.floor(pixel / width) * rowBytes + (bit >> 3)];
    return byte >> (8 - depth - bit % 8) & max;
  });
  return { width, height, values, channels, max };
}

/** The first chunk, IHDR, begins with width and height. */
function checkSize(bytes: Uint8Array): void {
  if (bytes.length < 24) throw new RangeError("expected a whole .png file");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = view.getUint32(16), height = view.getUint32(20);
  if (width * height > maxPixels) {
    throw new RangeError(
      `expected at most ${
        maxPixels / 1e6
      } megapixels, got ${width} x ${height}`,
    );
  }
}
