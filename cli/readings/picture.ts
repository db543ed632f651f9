/**
 * PNG pictures as readings.
 *
 * @module
 */
import { decodePng } from "./decode_png.ts";

/** Bytes of a picture, channels first. */
export interface Picture {
  /** [1 or 3, height, width]. */
  shape: [number, number, number];
  data: Uint8Array;
}

/** Weights of red, green and blue in grey (ITU-R BT.601). */
const greyWeights = [.299, .587, .114];

/**
 * @param channels 1 for grey, 3 for colours; default: those that the file has, its
 * alpha left out
 * @throws {RangeError} where the file is damaged
 */
export function decodePicture(bytes: Uint8Array, channels?: number): Picture {
  const { width, height, channels: stored, values, max } = decoded(bytes);
  const colours = stored >= 3 ? 3 : 1;
  const wanted = channels === 1 || channels === 3 ? channels : colours;
  const size = width * height;
  const data = new Uint8Array(wanted * size);
  for (let pixel = 0; pixel < size; pixel++) {
    const colour = (i: number) => values[pixel * stored + i] * 255 / max;
    for (let channel = 0; channel < wanted; channel++) {
      const value = colours === 1
        ? colour(0)
        : wanted === 3
        ? colour(channel)
        : greyWeights.reduce((sum, weight, i) => sum + weight * colour(i), 0);
      data[channel * size + pixel] = Math.round(value);
    }
  }
  return { shape: [wanted, height, width], data };
}

function decoded(bytes: Uint8Array) {
  try {
    return decodePng(bytes);
  } catch (cause) {
    throw new RangeError(`Cannot read PNG: ${(cause as Error).message}`, {
      cause,
    });
  }
}
