/**
 * Cuts the digits out of a picture that can be trusted.
 *
 * @module
 */
import { UsageError } from "../../cli/commands/command.ts";
import { fileFault } from "../smart_home/file_faults.ts";
import {
  type ColourImage,
  cutDigit,
  decodeImage,
  isInside,
  type Region,
} from "./image.ts";
import type { MeterConfig } from "./meter_config.ts";
import { unreadable } from "./quality.ts";
import { misplaced } from "./view.ts";

/** All digits of a picture, or why it cannot be trusted. */
export type Cut = { readings: Float64Array[] } | { fault: string };

/**
 * @param reference the picture in which the digits were marked, or null
 * @throws {UsageError} if a digit's region is not inside the picture
 */
export function cutDigits(
  image: ColourImage,
  { digits }: MeterConfig,
  reference: ColourImage | null,
): Cut {
  const place = reference && misplaced(image, reference);
  if (place) return { fault: place };
  checkRegions(digits, image);
  const readings = digits.map((region) => cutDigit(image, region));
  for (const [index, digit] of readings.entries()) {
    const fault = unreadable(digit);
    if (fault) return { fault: `digit ${index + 1}: ${fault}` };
  }
  return { readings };
}

/** @throws {UsageError} if the file is no picture, or too small for the digits */
export async function readReference(
  file: string,
  { digits }: MeterConfig,
): Promise<ColourImage> {
  let image;
  try {
    image = decodeImage(await Deno.readFile(file));
  } catch (error) {
    throw new UsageError(`error: ${file}: ${fileFault(error)}`);
  }
  checkRegions(digits, image);
  return image;
}

/** A region outside stays outside: no later picture helps. */
function checkRegions(digits: Region[], image: ColourImage): void {
  const index = digits.findIndex((region) => !isInside(region, image));
  if (index < 0) return;
  throw new UsageError(
    `error: digit ${
      index + 1
    }: expected a region within the picture's ${image.width} x ${image.height} pixels`,
  );
}
