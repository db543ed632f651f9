/**
 * Refuses cut digits that nobody could read: a model names a digit for any pixels,
 * and a wrong one looks as good as a right one.
 *
 * @module
 */
import { digitHeight, digitWidth } from "./image.ts";

/**
 * Of 804 real digits (`models/zoo/meter-digits`) none has less contrast than 0.169
 * nor sharpness than 0.413; blurred by 1.5 of the model's pixels all but one are
 * below 0.41.
 */
const minContrast = 0.15;
const minSharpness = 0.38;

/**
 * What is wrong with a cut digit, or null.
 *
 * @param digit 3 x 32 x 20 values in [0, 1], as `cutDigit` gives
 */
export function unreadable(digit: Float64Array): string | null {
  const area = digitWidth * digitHeight;
  const light = Float64Array.from(
    { length: area },
    (_, i) => (digit[i] + digit[area + i] + digit[2 * area + i]) / 3,
  );
  const contrast = share(light, 0.95) - share(light, 0.05);
  if (contrast < minContrast) {
    return share(light, 0.95) < minContrast
      ? "too dark"
      : "blank, or without contrast";
  }
  const sharpness = share(slopes(light), 0.98) / contrast;
  return sharpness < minSharpness ? "blurred" : null;
}

/** The value below which such a share of all values lies. */
function share(values: Float64Array, part: number): number {
  return values.toSorted()[Math.floor(part * values.length)];
}

/** How steep the light is at each pixel but the last row and column. */
function slopes(light: Float64Array): Float64Array {
  const steep = new Float64Array((digitWidth - 1) * (digitHeight - 1));
  for (let y = 0, i = 0; y < digitHeight - 1; y++) {
    for (let x = 0; x < digitWidth - 1; x++, i++) {
      const at = y * digitWidth + x;
      steep[i] = Math.hypot(
        light[at + 1] - light[at],
        light[at + digitWidth] - light[at],
      );
    }
  }
  return steep;
}
