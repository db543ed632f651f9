/**
 * Integers as packages hold them: in 32 bits, or not at all.
 *
 * @module
 */

/**
 * The same integers in 32 bits.
 *
 * @param what they are, for the message
 * @throws {RangeError} if any does not fit, or is no integer, with how many
 */
export function toInt32(values: ArrayLike<number>, what: string): Int32Array {
  const data = Int32Array.from(values);
  let lost = 0;
  for (let i = 0; i < data.length; i++) if (data[i] !== values[i]) lost++;
  if (lost === 0) return data;
  throw new RangeError(
    `Cannot hold ${what}: ${lost} of ${data.length} do not fit 32 bits`,
  );
}
