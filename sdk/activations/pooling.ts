/** Window of a pooling step on maps [channels, height, width]. */
export interface PoolWindow {
  kernel: readonly [height: number, width: number];
  stride: readonly [y: number, x: number];
  dilation?: readonly [y: number, x: number];
  pads: readonly [top: number, left: number, bottom: number, right: number];
}

export type MapShape = [channels: number, height: number, width: number];

/** Shape after pooling; windows that do not fit whole are dropped. */
export function pooledShape(shape: MapShape, window: PoolWindow): MapShape {
  const extent = (axis: 0 | 1) => {
    const reach = (window.dilation?.[axis] ?? 1) * (window.kernel[axis] - 1);
    const room = shape[axis + 1] + window.pads[axis] + window.pads[axis + 2];
    return Math.max(
      0,
      Math.floor((room - reach - 1) / window.stride[axis]) + 1,
    );
  };
  return [shape[0], extent(0), extent(1)];
}

/**
 * Sum over each window; padding counts as 0. Saturates at 2^53, which no sum
 * reaches that a package's check has passed.
 */
export function sumPool(
  values: Float64Array,
  shape: MapShape,
  window: PoolWindow,
): Float64Array {
  const sums = pool(values, shape, window, (sum, value) => sum + value);
  return sums.map((sum) => Math.min(Math.max(sum, -(2 ** 53)), 2 ** 53));
}

/**
 * `multiple` times the mean of each window over its cells within the map extended
 * by `counted`.
 */
export function meanPool(
  values: Float64Array,
  shape: MapShape,
  window: PoolWindow & {
    counted: readonly [
      top: number,
      left: number,
      bottom: number,
      right: number,
    ];
    multiple: number;
  },
): Float64Array {
  const [, rows, columns] = pooledShape(shape, window);
  const down = countedCells(shape, window, rows, 0);
  const across = countedCells(shape, window, columns, 1);
  return sumPool(values, shape, window).map((sum, i) => {
    const cells = down[Math.floor(i / columns) % rows] * across[i % columns];
    return sum * (window.multiple / cells);
  });
}

/** Cells along one axis of each window that lie within the extended map. */
function countedCells(
  shape: MapShape,
  { kernel, stride, pads, counted }: Parameters<typeof meanPool>[2],
  windows: number,
  axis: 0 | 1,
): number[] {
  return Array.from({ length: windows }, (_, o) => {
    const from = o * stride[axis] - pads[axis];
    const first = Math.max(from, -counted[axis]);
    const end = Math.min(
      from + kernel[axis],
      shape[axis + 1] + counted[axis + 2],
    );
    return Math.max(1, end - first);
  });
}

/** Largest value in each window; padding does not take part. */
export function maxPool(
  values: Float64Array,
  shape: MapShape,
  window: PoolWindow,
): Float64Array {
  return pool(values, shape, window, Math.max);
}

/** Joins the values inside each window; a window wholly in the padding gives 0. */
function pool(
  values: Float64Array,
  shape: MapShape,
  window: PoolWindow,
  join: (accumulated: number, value: number) => number,
): Float64Array {
  const [channels, height, width] = shape;
  const [, outHeight, outWidth] = pooledShape(shape, window);
  const [kernelHeight, kernelWidth] = window.kernel;
  const [strideY, strideX] = window.stride;
  const [dilationY, dilationX] = window.dilation ?? [1, 1];
  const [top, left] = window.pads;
  const out = new Float64Array(channels * outHeight * outWidth);
  let at = 0;
  for (let channel = 0; channel < channels; channel++) {
    const base = channel * height * width;
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++) {
        let joined = 0, empty = true;
        for (let ky = 0; ky < kernelHeight; ky++) {
          const y = oy * strideY + ky * dilationY - top;
          if (y < 0 || y >= height) continue;
          for (let kx = 0; kx < kernelWidth; kx++) {
            const x = ox * strideX + kx * dilationX - left;
            if (x < 0 || x >= width) continue;
            const value = values[base + y * width + x];
            joined = empty ? value : join(joined, value);
            empty = false;
          }
        }
        out[at++] = joined;
      }
    }
  }
  return out;
}
