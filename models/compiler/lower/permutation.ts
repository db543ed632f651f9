/**
 * Elements that trade places: as convolutions where whole channels or a grid's cells do.
 *
 * @module
 */
import {
  type Convolution,
  type Grid,
  gridSize,
  type Selection,
} from "../ir.ts";

/**
 * A transpose with axes of one element left out, and axes that stay together joined.
 *
 * @param order for each axis of the result, the axis of `shape` that it is
 */
export function joinAxes(
  shape: readonly number[],
  order: readonly number[],
): { shape: number[]; order: number[] } {
  const runs: number[][] = [];
  for (const axis of order.filter((axis) => shape[axis] > 1)) {
    const run = runs.at(-1);
    const between = run &&
      shape.slice(run.at(-1)! + 1, axis).every((length) => length === 1);
    if (run && axis > run.at(-1)! && between) run.push(axis);
    else runs.push([axis]);
  }
  const sorted = runs.toSorted(([a], [b]) => a - b);
  return {
    shape: sorted.map((run) => run.reduce((n, axis) => n * shape[axis], 1)),
    order: runs.map((run) => sorted.indexOf(run)),
  };
}

/** selection(convolution(x)) as a convolution, where it picks whole channels. */
export function pickChannels(
  { index }: Selection,
  inner: Convolution,
): Convolution | null {
  const [channels, height, width] = inner.output, area = height * width;
  const count = index.length / area;
  if (!Number.isInteger(count)) return null;
  const picked = Array.from(
    { length: count },
    (_, c) => index[c * area] / area,
  );
  const isWhole = picked.every(Number.isInteger) &&
    index.every((from, i) =>
      from === picked[Math.floor(i / area)] * area + i % area
    );
  if (!isWhole) return null;
  const perGroup = inner.input[0] / inner.groups * inner.kernel[0] *
    inner.kernel[1];
  const groupOf = (channel: number) =>
    Math.floor(channel / (channels / inner.groups));
  const keepsGroups = picked.every((channel, c) =>
    groupOf(channel) === Math.floor(c / (count / inner.groups))
  );
  const groups = keepsGroups ? inner.groups : 1;
  const rowLength = perGroup * inner.groups / groups;
  const weights = new Float64Array(count * rowLength);
  picked.forEach((channel, c) => {
    const row = inner.weights.subarray(
      channel * perGroup,
      (channel + 1) * perGroup,
    );
    const shift = keepsGroups ? 0 : groupOf(channel) * perGroup;
    weights.set(row, c * rowLength + shift);
  });
  return { ...inner, output: [count, height, width], groups, weights };
}

/** Largest one-hot convolution that a selection is written as, in weights. */
const maxWeights = 2 ** 22;

/**
 * The selection as a convolution that gives `output`, where each channel of it takes
 * every so many-th row and column of one channel: channel shuffles (every one), and
 * space to depth. Null where it does something else.
 */
export function asConvolution(
  { index, columns }: Selection,
  output: Grid,
): Convolution | null {
  const [channels, height, width] = output;
  if (index.length !== gridSize(output) || height * width === 1) return null;
  const stepX = width > 1 ? index[1] - index[0] : 1;
  const inWidth = width * stepX;
  const stepY = height > 1 ? (index[width] - index[0]) / inWidth : 1;
  const inHeight = height * stepY, area = inHeight * inWidth;
  const inChannels = columns / area;
  const steps = [stepX, stepY, inChannels];
  if (!steps.every((step) => Number.isInteger(step) && step > 0)) return null;
  const cells = stepX * stepY;
  if (channels * inChannels * cells > maxWeights) return null;
  const weights = new Float64Array(channels * inChannels * cells);
  for (let c = 0, at = 0; c < channels; c++) {
    const first = index[at];
    const channel = Math.floor(first / area);
    const row = Math.floor(first % area / inWidth), column = first % inWidth;
    if (first < 0 || row >= stepY || column >= stepX) return null;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, at++) {
        if (index[at] !== first + y * stepY * inWidth + x * stepX) return null;
      }
    }
    weights[((c * inChannels + channel) * stepY + row) * stepX + column] = 1;
  }
  return {
    kind: "convolution",
    input: [inChannels, inHeight, inWidth],
    output,
    kernel: [stepY, stepX],
    stride: [stepY, stepX],
    dilation: [1, 1],
    pads: [0, 0, 0, 0],
    groups: 1,
    weights,
  };
}
