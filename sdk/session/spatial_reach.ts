/**
 * What the tiles of a spatial layout reach: a plan may ask for no ciphertext that
 * holds nothing of the picture, and for no answer beyond the output.
 *
 * @module
 */
import type { SpatialInput, SpatialLayout } from "../wire/plan.ts";

const axes = [0, 1] as const;

/** Whether tiles cover the output, and neither fewer nor smaller ones would. */
export function tilesFitOutput({ tile, grid, output }: SpatialLayout): boolean {
  return axes.every((axis) => {
    const extent = output[axis + 1];
    return grid[axis] === Math.ceil(extent / tile[axis]) &&
      tile[axis] === Math.ceil(extent / grid[axis]);
  });
}

/** The first offset at which every tile lies outside of the tensor. */
export function offsetOutside(
  { grid }: SpatialLayout,
  { offsets, shape, step }: SpatialInput,
): [number, number] | undefined {
  return offsets.find((offset) =>
    axes.some((axis) => {
      // The first tile that is not left of the tensor decides.
      const first = Math.max(0, Math.ceil(-offset[axis] / step[axis]));
      return first >= grid[axis] ||
        offset[axis] + first * step[axis] >= shape[axis + 1];
    })
  );
}
