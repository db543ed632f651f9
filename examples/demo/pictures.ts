/**
 * The digits that the demo can show.
 *
 * @module
 */
import { decodeIdx } from "../../cli/readings/idx.ts";
import {
  faultCode,
  FileError,
  readBytes,
} from "../../models/package/read_file.ts";
import { fitDigit, pictureSide } from "../digits/fit.ts";
import { digitSample, digitSamples } from "../digits/samples.ts";
import { UsageError } from "../../cli/commands/command.ts";
import type { PictureSource } from "./options.ts";
import { readImage } from "./read_image.ts";

/** A picture of 28 x 28 pixels, and the digit it shows where that is known. */
export interface LabelledPicture {
  /** 784 values in [0, 255], row-major, ink bright on black. */
  pixels: Uint8Array;
  expected: number | null;
}

const pixelCount = pictureSide * pictureSide;

/**
 * Loads `count` pictures, from `source.index` on where the source has an index.
 *
 * @throws {UsageError} if the source does not hold them
 */
export async function loadPictures(
  source: PictureSource,
  count: number,
): Promise<LabelledPicture[]> {
  switch (source.kind) {
    case "own":
      checkRange(source.index, 1, digitSamples);
      return drawOwn(source.index, count);
    case "mnist":
      return await loadMnist(source.folder, source.index, count);
    case "image": {
      const bytes = await readInput(source.file);
      const pixels = decodeOrRefuse(
        source.file,
        () => fitDigit(readImage(bytes)),
      );
      return Array.from({ length: count }, () => ({ pixels, expected: null }));
    }
  }
}

/** Draws our own pictures, each once; after the last comes the first again. */
function drawOwn(index: number, count: number): LabelledPicture[] {
  const drawn = Array.from(
    { length: Math.min(count, digitSamples) },
    (_, i) => {
      const { picture, digit } = digitSample((index + i) % digitSamples);
      return { pixels: picture, expected: digit };
    },
  );
  return Array.from({ length: count }, (_, i) => drawn[i % digitSamples]);
}

async function loadMnist(
  folder: string,
  index: number,
  count: number,
): Promise<LabelledPicture[]> {
  const images = await readIdx(folder, "t10k-images-idx3-ubyte");
  const labels = await readIdx(folder, "t10k-labels-idx1-ubyte");
  if (
    images.shape.length !== 3 || labels.shape.length !== 1 ||
    images.shape[0] !== labels.shape[0] ||
    images.shape[1] !== pictureSide || images.shape[2] !== pictureSide
  ) {
    throw new UsageError(
      `error: expected as many labels as pictures of 28 x 28 in ${folder}, got [${labels.shape}] and [${images.shape}]`,
      2,
    );
  }
  checkRange(index, count, images.shape[0]);
  return Array.from({ length: count }, (_, i) => {
    const from = (index + i) * pixelCount;
    return {
      pixels: images.data.slice(from, from + pixelCount),
      expected: labels.data[index + i],
    };
  });
}

/** Decodes a file of `folder`, gz or not. */
async function readIdx(folder: string, name: string) {
  for (const file of [`${folder}/${name}`, `${folder}/${name}.gz`]) {
    let bytes;
    try {
      bytes = await readBytes(file);
    } catch (error) {
      const cause = error instanceof FileError ? error.cause : null;
      if (faultCode(cause) === "ENOENT") continue;
      throw error;
    }
    return await decodeIdx(bytes).catch((error) => {
      throw new UsageError(`error: ${file}: ${error.message}`, 2);
    });
  }
  throw new UsageError(`error: expected ${name} or ${name}.gz in ${folder}`, 2);
}

async function readInput(file: string): Promise<Uint8Array> {
  try {
    return await readBytes(file);
  } catch (error) {
    throw new UsageError(`error: ${(error as Error).message}`, 2);
  }
}

/** Turns what `decode` finds wrong with a file into a usage error. */
function decodeOrRefuse<T>(file: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw new UsageError(`error: ${file}: ${(error as Error).message}`, 2);
  }
}

function checkRange(index: number, count: number, available: number): void {
  if (index + count <= available) return;
  throw new UsageError(
    count === 1
      ? `error: expected --index in [0, ${available}), got ${index}`
      : `error: expected --index and --samples within ${available} pictures, got ${index} and ${count}`,
    2,
  );
}
