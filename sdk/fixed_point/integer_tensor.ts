/**
 * Activations as exact integers, one row-major array a sample.
 *
 * @module
 */
/**
 * An activation as the gateway holds it: exact integers of magnitude below 2^53, one
 * row-major array a sample, all of the same shape.
 */
export interface IntegerTensor {
  /** Per sample: [channels, height, width], [channels, length] or [length]. */
  shape: number[];
  /** One array a sample. */
  samples: Float64Array[];
}

/** Elements of one sample of this shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((count, size) => count * size, 1);
}
