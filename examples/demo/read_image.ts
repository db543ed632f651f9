/**
 * Reads a .png or .npy file as a grey image.
 *
 * @module
 */
import { decodeNpy } from "../../cli/readings/npy.ts";
import { decodePng } from "../../cli/readings/decode_png.ts";
import type { GreyImage } from "../digits/fit.ts";

/**
 * Reads a .png or .npy file as a grey image.
 *
 * @throws {RangeError} if the bytes are neither, or of a shape that is no image
 */
export function readImage(bytes: Uint8Array): GreyImage {
  if (bytes[0] === 0x93) return readNpy(bytes);
  if (bytes[0] === 0x89) return readPng(bytes);
  throw new RangeError("expected a .png or .npy file");
}

function readPng(bytes: Uint8Array): GreyImage {
  const { width, height, channels, values, max } = decodePng(bytes);
  const pixels = Uint8Array.from({ length: width * height }, (_, pixel) => {
    const at = pixel * channels;
    const light = channels < 3
      ? values[at]
      : 0.299 * values[at] + 0.587 * values[at + 1] + 0.114 * values[at + 2];
    const alpha = channels % 2 === 0 ? values[at + channels - 1] / max : 1;
    // What is transparent shows white paper.
    return Math.round(255 * (light / max * alpha + 1 - alpha));
  });
  return { width, height, pixels };
}

/** A tensor of two dimensions, or of more whose others are 1, of any range. */
function readNpy(bytes: Uint8Array): GreyImage {
  const { shape, data: values } = decodeNpy(bytes);
  const sides = shape.filter((size) => size !== 1);
  if (sides.length !== 2) {
    throw new RangeError(`expected an array of two dimensions, got [${shape}]`);
  }
  if (!values.every(Number.isFinite)) {
    throw new RangeError("expected finite numbers");
  }
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const scale = high > low ? 255 / (high - low) : 0;
  return {
    height: sides[0],
    width: sides[1],
    pixels: Uint8Array.from(
      values,
      (value) => Math.round((value - low) * scale),
    ),
  };
}
