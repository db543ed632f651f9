/**
 * Rounds one weight to the grid of its scale.
 *
 * @module
 */
/** The weight on the grid of `scale`. */
export function roundWeight(
  weight: number,
  scale: number,
  limit: number,
): number {
  const q = Math.round(weight / scale);
  return q > limit ? limit : q < -limit ? -limit : q + 0;
}
