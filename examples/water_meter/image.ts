/**
 * Decodes pictures and cuts digits from them.
 *
 * @module
 */
import jpeg from "jpeg-js";
import {
  decodePng,
  maxPixels,
  type PngSamples,
} from "../../cli/readings/decode_png.ts";
import { readExif } from "./exif.ts";

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
export const digitWidth = 20;
export const digitHeight = 32;

/**
 * Reads a .jpg or .png file, turned upright as its EXIF says.
 *
 * @throws {RangeError} if the bytes are neither, damaged, or more than 50 megapixels
 */
export function decodeImage(bytes: Uint8Array): ColourImage {
  const isJpeg = bytes[0] === 0xff && bytes[1] === 0xd8;
  if (!isJpeg && bytes[0] !== 0x89) {
    throw new RangeError("Cannot read picture: expected a .jpg or .png file");
  }
  try {
    return isJpeg
      ? turnUpright(decodeJpeg(bytes), readExif(bytes).orientation)
      : colours(decodePng(bytes));
  } catch (cause) {
    const message = cause instanceof RangeError ||
        /maxResolution/.test((cause as Error).message)
      ? (cause as Error).message
      : `expected a whole ${isJpeg ? ".jpg" : ".png"} file, got damaged bytes`;
    throw new RangeError(`Cannot read picture: ${message}`, { cause });
  }
}

function decodeJpeg(bytes: Uint8Array): ColourImage {
  const { width, height, data } = jpeg.decode(bytes, {
    useTArray: true,
    formatAsRGBA: false,
    maxResolutionInMP: maxPixels / 1e6,
  });
  return { width, height, pixels: data };
}

function colours(
  { width, height, channels, values, max }: PngSamples,
): ColourImage {
  const pixels = new Uint8Array(3 * width * height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let colour = 0; colour < 3; colour++) {
      const value = values[channels * pixel + (channels < 3 ? 0 : colour)];
      pixels[3 * pixel + colour] = Math.round(255 * value / max);
    }
  }
  return { width, height, pixels };
}

/** @param orientation as EXIF counts them: mirrored where even up to 4 and odd from 5 */
function turnUpright(image: ColourImage, orientation: number): ColourImage {
  if (orientation === 1) return image;
  const { width: w, height: h } = image;
  const onItsSide = orientation >= 5;
  const width = onItsSide ? h : w, height = onItsSide ? w : h;
  const mirrorsX = [2, 3, 7, 8].includes(orientation);
  const mirrorsY = [3, 4, 6, 7].includes(orientation);
  const pixels = new Uint8Array(image.pixels.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [across, down] = onItsSide ? [y, x] : [x, y];
      const u = mirrorsX ? w - 1 - across : across;
      const v = mirrorsY ? h - 1 - down : down;
      const from = 3 * (v * w + u);
      pixels.set(image.pixels.subarray(from, from + 3), 3 * (y * width + x));
    }
  }
  return { width, height, pixels };
}

/** Whether a region is all within a picture. */
export function isInside(
  { x, y, width, height }: Region,
  image: { width: number; height: number },
): boolean {
  return width >= 1 && height >= 1 && x >= 0 && y >= 0 &&
    x + width <= image.width && y + height <= image.height;
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
  if (!isInside(region, image)) {
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
