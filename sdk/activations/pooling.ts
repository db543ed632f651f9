/**
 * Sum, mean and max pooling of integer maps.
 *
 * @module
 */
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
  const sums = pool(shape, window, 0, (out, to, from, count, step) => {
    for (let i = 0; i < count; i++) out[to + i] += values[from + i * step];
  });
  for (let i = 0; i < sums.length; i++) {
    sums[i] = Math.min(Math.max(sums[i], -(2 ** 53)), 2 ** 53);
  }
  return sums;
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
export function countedCells(
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

/** Largest value in each window; 0 where it lies wholly in the padding, which does not take part. */
export function maxPool(
  values: Float64Array,
  shape: MapShape,
  window: PoolWindow,
): Float64Array {
  const largest = pool(
    shape,
    window,
    -Infinity,
    (out, to, from, count, step) => {
      for (let i = 0; i < count; i++) {
        const value = values[from + i * step];
        if (value > out[to + i]) out[to + i] = value;
      }
    },
  );
  return largest.map((value) => value === -Infinity ? 0 : value);
}

/**
 * Joins the values inside each window, cell by cell of the window.
 *
 * @param join takes `count` values, `from` on in steps of `step`, into as many
 * neighbouring windows, `to` on
 */
function pool(
  shape: MapShape,
  window: PoolWindow,
  initial: number,
  join: (
    out: Float64Array,
    to: number,
    from: number,
    count: number,
    step: number,
  ) => void,
): Float64Array {
  const [channels, height, width] = shape;
  const [, outHeight, outWidth] = pooledShape(shape, window);
  const [kernelHeight, kernelWidth] = window.kernel;
  const [strideY, strideX] = window.stride;
  const [dilationY, dilationX] = window.dilation ?? [1, 1];
  const [top, left] = window.pads;
  const out = new Float64Array(channels * outHeight * outWidth).fill(initial);
  for (let kx = 0; kx < kernelWidth; kx++) {
    const shift = kx * dilationX - left;
    const first = Math.max(0, Math.ceil(-shift / strideX));
    const last = Math.min(
      outWidth - 1,
      Math.floor((width - 1 - shift) / strideX),
    );
    if (last < first) continue;
    for (let ky = 0; ky < kernelHeight; ky++) {
      for (let oy = 0; oy < outHeight; oy++) {
        const y = oy * strideY + ky * dilationY - top;
        if (y < 0 || y >= height) continue;
        for (let channel = 0; channel < channels; channel++) {
          join(
            out,
            (channel * outHeight + oy) * outWidth + first,
            (channel * height + y) * width + first * strideX + shift,
            last - first + 1,
            strideX,
          );
        }
      }
    }
  }
  return out;
}
