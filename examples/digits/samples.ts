/**
 * Digits that this project drew, with their labels.
 *
 * @module
 */
import { type Hand, renderDigit } from "./render.ts";
import { glyphs } from "./strokes.ts";

/** A picture that this project drew, and the digit it shows. */
export interface DigitSample {
  digit: number;
  /** 784 values in [0, 255], row-major, ink bright on black. */
  picture: Uint8Array;
}

const hands: readonly Hand[] = [
  { slant: 0.1, turnDegrees: 0, stretch: 1, penRadius: 0.055 },
  { slant: 0.2, turnDegrees: 4, stretch: 0.95, penRadius: 0.045 },
  { slant: 0, turnDegrees: -3, stretch: 1.1, penRadius: 0.065 },
];

/** Pictures that {@linkcode digitSample} knows. */
export const digitSamples: number = glyphs.length * hands.length;

/**
 * Draws sample number `index`: digits in turn, 0 to 9, then the next way of
 * writing them, then the next hand. The same on every machine.
 *
 * @throws {RangeError} if `index` is not in [0, digitSamples)
 */
export function digitSample(index: number): DigitSample {
  if (!Number.isInteger(index) || index < 0 || index >= digitSamples) {
    throw new RangeError(
      `Cannot draw sample: expected an index in [0, ${digitSamples}), got ${index}`,
    );
  }
  const digit = index % 10;
  const ways = glyphs.filter((glyph) => glyph.digit === digit);
  const round = Math.floor(index / 10);
  const hand = hands[Math.floor(round / ways.length)];
  return { digit, picture: renderDigit(ways[round % ways.length], hand) };
}
