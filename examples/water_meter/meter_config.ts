/**
 * The file that says where a meter's digits are.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { UsageError } from "../../cli/commands/command.ts";
import type { Region } from "./image.ts";
import type { MeterScale } from "./reading.ts";

/** A meter as its camera sees it; `README.md` shows such a file. */
export interface MeterConfig extends MeterScale {
  name: string;
  /** Unit that Home Assistant shows. */
  unit: string;
  /** Where the digits stand in the picture, first to last. */
  digits: Region[];
  /** File of the picture in which they were marked, or null. */
  reference: string | null;
}

const maxDigits = 12;

/**
 * Reads the description of a meter.
 *
 * @throws {UsageError} saying what is wrong with it
 */
export function parseConfig(text: string, file: string): MeterConfig {
  const fault = (expected: string) =>
    new UsageError(`error: ${file}: expected ${expected}`, 2);
  let given;
  try {
    given = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    throw fault("JSON");
  }
  const isNumber = (value: unknown) =>
    typeof value === "number" && Number.isFinite(value) && value >= 0;
  const {
    digits,
    decimals,
    maxPerHour,
    name = "Water meter",
    unit = "m³",
    reference = null,
  } = given ?? {};
  const sides = ["x", "y", "width", "height"];
  if (
    !Array.isArray(digits) || digits.length < 1 || digits.length > maxDigits ||
    !digits.every((region) => sides.every((side) => isNumber(region?.[side])))
  ) {
    throw fault(
      `"digits": 1 to ${maxDigits} regions of x, y, width and height in pixels`,
    );
  }
  if (
    !Number.isInteger(decimals) || decimals < 0 || decimals >= digits.length
  ) {
    throw fault(`"decimals": an integer from 0 to ${digits.length - 1}`);
  }
  if (!isNumber(maxPerHour) || maxPerHour === 0) {
    throw fault(`"maxPerHour": the highest flow that can be, above 0`);
  }
  if (typeof name !== "string" || typeof unit !== "string") {
    throw fault(`"name" and "unit": text`);
  }
  if (reference !== null && typeof reference !== "string") {
    throw fault(`"reference": a picture's file`);
  }
  return {
    digits,
    decimals,
    maxPerHour,
    name,
    unit,
    // Beside the description.
    reference: reference && join(dirname(file), reference),
  };
}
