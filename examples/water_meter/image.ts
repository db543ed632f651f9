import { decode } from "fast-png";
import jpeg from "jpeg-js";

/** A colour picture: red, green and blue, 0 to 255, row-major. */
export interface ColourImage {
  width: number;
  height: number;
  pixels: Uint8Array;
}

/** Where a digit stands in a picture, in pixels. */
export interface Region {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** What the model `meter-digits` reads: 20 x 32 pixels, three colours. */
const digitWidth = 20;
const digitHeight = 32;
const maxMegapixels = 50;

/**
 * Reads a .jpg or .png file.
 *
 * @throws {RangeError} if the bytes are neither
 */
export function decodeImage(bytes: Uint8Array): ColourImage {
  if (bytes[0] === 0xff && bytes[1] === 0xd8) {
    const { width, height, data } = jpeg.decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      maxResolutionInMP: maxMegapixels,
    });
    return { width, height, pixels: data };
  }
  if (bytes[0] === 0x89) return decodePng(bytes);
  throw new RangeError("Cannot read picture: expected a .jpg or .png file");
}

function decodePng(bytes: Uint8Array): ColourImage {
  const { width, height, channels, depth, data, palette } = decode(bytes);
  if (depth !== 8 || palette) {
    throw new RangeError(
      "Cannot read picture: expected a .png of 8 bits a colour, without palette",
    );
  }
  const pixels = new Uint8Array(3 * width * height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let colour = 0; colour < 3; colour++) {
      pixels[3 * pixel + colour] =
        data[channels * pixel + (channels < 3 ? 0 : colour)];
    }
  }
  return { width, height, pixels };
}

/**
 * Cuts a digit out and scales it to the model's size, averaging the area that
 * each new pixel covers.
 *
 * @returns 3 x 32 x 20 values in [0, 1]: colours, rows, columns
 * @throws {RangeError} if the region is not inside the picture
 */
export function cutDigit(image: ColourImage, region: Region): Float64Array {
  const { x, y, width, height } = region;
  if (
    !(width >= 1 && height >= 1 && x >= 0 && y >= 0) ||
    x + width > image.width || y + height > image.height
  ) {
    throw new RangeError(
      `Cannot cut digit: expected a region within ${image.width} x ${image.height} pixels, got ${width} x ${height} at (${x}, ${y})`,
    );
  }
  const area = digitWidth * digitHeight;
  const digit = new Float64Array(3 * area);
  for (let row = 0; row < digitHeight; row++) {
    const rows = covered(y, height, row, digitHeight);
    for (let column = 0; column < digitWidth; column++) {
      const columns = covered(x, width, column, digitWidth);
      let count = 0;
      const sums = [0, 0, 0];
      for (let v = rows[0]; v < rows[1]; v++) {
        for (let u = columns[0]; u < columns[1]; u++) {
          const at = 3 * (v * image.width + u);
          for (let c = 0; c < 3; c++) sums[c] += image.pixels[at + c];
          count++;
        }
      }
      for (let c = 0; c < 3; c++) {
        digit[c * area + row * digitWidth + column] = sums[c] / count / 255;
      }
    }
  }
  return digit;
}

/** Old pixels [from, to) under new pixel `index` of `count`; at least one. */
function covered(
  start: number,
  length: number,
  index: number,
  count: number,
): [from: number, to: number] {
  const from = Math.floor(start + length * index / count);
  const to = Math.floor(start + length * (index + 1) / count);
  return [from, Math.max(to, from + 1)];
}
