/**
 * Powers by sliding windows, as a list of products.
 *
 * @module
 */

/** Widest window: 6 bits are best for exponents of 512 to 2,048 bits and more. */
const windowBits = 6;
/** Odd powers that are tabled. */
const tableSize = 1 << (windowBits - 1);

/** Places that {@linkcode slidingWindowSteps} works on: 0, which holds the base, and those after it. */
export const powerPlaces = tableSize + 1;

/** Place `target` = place `left` times place `right`. */
export type PowerStep = readonly [target: number, left: number, right: number];

/**
 * Products after which place `powerPlaces - 1` holds base^exponent, one after another.
 * Meanwhile base^(2i+1) is at place i.
 *
 * @param exponent at least 64
 */
export function slidingWindowSteps(exponent: bigint): PowerStep[] {
  const result = tableSize;
  const steps: PowerStep[] = [[result, 0, 0]];
  for (let i = 1; i < tableSize; i++) steps.push([i, i - 1, result]);

  const bits = exponent.toString(2);
  // The leading window is squared straight out of the table.
  let power = -1;
  let at = 0;
  while (at < bits.length) {
    let end = at + 1;
    if (bits[at] === "1") {
      end = Math.min(at + windowBits, bits.length);
      while (bits[end - 1] === "0") end--;
    }
    const digit = parseInt(bits.slice(at, end), 2);
    if (power < 0) {
      power = digit >> 1;
    } else {
      for (let i = at; i < end; i++) {
        steps.push([result, power, power]);
        power = result;
      }
      if (digit > 0) steps.push([result, power, digit >> 1]);
    }
    at = end;
  }
  return steps;
}
