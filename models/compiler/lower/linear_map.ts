/**
 * Applying and composing linear maps, exactly or not at all.
 *
 * @module
 */
import {
  type Convolution,
  type Grid,
  gridSize,
  type LinearMap,
  type Matrix,
  type Selection,
} from "../ir.ts";
import {
  convolutionMatrix,
  convolve,
  convolveTransposed,
} from "../convolve.ts";
import { readChannelsLast } from "./channels_last.ts";
import { asConvolution, pickChannels } from "./permutation.ts";
import { composeConvolutions } from "./convolution_map.ts";

/** Largest matrix that a map may be written out to, in elements. */
export const matrixLimit = 2 ** 24;

export function rowsOf(map: LinearMap): number {
  if (map.kind === "matrix") return map.rows;
  return map.kind === "selection" ? map.index.length : gridSize(map.output);
}

export function columnsOf(map: LinearMap): number {
  return map.kind === "convolution" ? gridSize(map.input) : map.columns;
}

export function identity(length: number): Selection {
  return {
    kind: "selection",
    columns: length,
    index: Int32Array.from({ length }, (_, i) => i),
  };
}

export function isIdentity(map: LinearMap): boolean {
  return map.kind === "selection" && map.columns === map.index.length &&
    map.index.every((from, i) => from === i);
}

/** Each channel times its factor, as a depthwise 1x1 convolution. */
export function channelScaling(grid: Grid, factors: Float64Array): Convolution {
  return {
    kind: "convolution",
    input: grid,
    output: grid,
    kernel: [1, 1],
    stride: [1, 1],
    dilation: [1, 1],
    pads: [0, 0, 0, 0],
    groups: grid[0],
    weights: factors,
  };
}

/** y = map x. */
export function apply(map: LinearMap, x: Float64Array): Float64Array {
  const y = new Float64Array(rowsOf(map));
  if (x.every((value) => value === 0)) return y;
  if (map.kind === "convolution") convolve(map, x, y);
  else if (map.kind === "selection") {
    for (let i = 0; i < y.length; i++) {
      if (map.index[i] >= 0) y[i] = x[map.index[i]];
    }
  } else multiplyInto(map, x, y);
  return y;
}

/** y += W x. */
export function multiplyInto(
  { rows, columns, weights }: Pick<Matrix, "rows" | "columns" | "weights">,
  x: ArrayLike<number>,
  y: Float64Array,
): void {
  for (let row = 0, at = 0; row < rows; row++) {
    let even = 0, odd = 0, column = 0;
    for (; column + 1 < columns; column += 2, at += 2) {
      even += weights[at] * x[column];
      odd += weights[at + 1] * x[column + 1];
    }
    if (column < columns) even += weights[at++] * x[column];
    y[row] += even + odd;
  }
}

/** The map written out, or null where that is too large. */
export function toMatrix(map: LinearMap): Matrix | null {
  if (map.kind === "matrix") return map;
  const rows = rowsOf(map), columns = columnsOf(map);
  if (rows * columns > matrixLimit) return null;
  if (map.kind === "convolution") {
    return { kind: "matrix", rows, columns, weights: convolutionMatrix(map) };
  }
  const weights = new Float64Array(rows * columns);
  map.index.forEach((from, row) => {
    if (from >= 0) weights[row * columns + from] = 1;
  });
  return { kind: "matrix", rows, columns, weights };
}

/** outer(inner(x)) as one map; null where there is no exact one of reasonable size. */
export function compose(outer: LinearMap, inner: LinearMap): LinearMap | null {
  if (isIdentity(inner)) return outer;
  if (isIdentity(outer)) return inner;
  if (outer.kind === "convolution" && inner.kind === "convolution") {
    return composeConvolutions(outer, inner);
  }
  if (outer.kind === "convolution" && inner.kind === "selection") {
    const direct = readChannelsLast(outer, inner);
    if (direct) return direct;
    const picked = asConvolution(inner, outer.input);
    const joined = picked && composeConvolutions(outer, picked);
    if (joined) return joined;
  }
  if (outer.kind === "selection" && inner.kind === "convolution") {
    const picked = pickChannels(outer, inner);
    if (picked) return picked;
  }
  if (outer.kind === "selection") {
    if (inner.kind === "selection") {
      const index = outer.index.map((from) =>
        from < 0 ? -1 : inner.index[from]
      );
      return { kind: "selection", columns: inner.columns, index };
    }
    const matrix = toMatrix(inner);
    return matrix && selectRows(outer, matrix);
  }
  const left = toMatrix(outer);
  return left && multiply(left, inner);
}

function selectRows({ index }: Selection, matrix: Matrix): Matrix | null {
  const { columns } = matrix;
  if (index.length * columns > matrixLimit) return null;
  const weights = new Float64Array(index.length * columns);
  index.forEach((from, row) => {
    if (from < 0) return;
    const source = matrix.weights.subarray(
      from * columns,
      (from + 1) * columns,
    );
    weights.set(source, row * columns);
  });
  return { kind: "matrix", rows: index.length, columns, weights };
}

/** Matrix times map: each row is pulled back through the map. */
function multiply(left: Matrix, inner: LinearMap): Matrix | null {
  const { rows } = left, columns = columnsOf(inner);
  if (rows * columns > matrixLimit) return null;
  const weights = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const from = left.weights.subarray(
      row * left.columns,
      (row + 1) * left.columns,
    );
    const to = weights.subarray(row * columns, (row + 1) * columns);
    if (inner.kind === "convolution") convolveTransposed(inner, from, to);
    else if (inner.kind === "selection") {
      inner.index.forEach((column, i) => {
        if (column >= 0) to[column] += from[i];
      });
    } else {
      for (let i = 0; i < from.length; i++) {
        const factor = from[i];
        if (factor === 0) continue;
        const at = i * columns;
        for (let c = 0; c < columns; c++) {
          to[c] += factor * inner.weights[at + c];
        }
      }
    }
  }
  return { kind: "matrix", rows, columns, weights };
}

/**
 * The map with each output element times its factor: a convolution where the
 * factor is one a channel (of `grid`, for selections).
 */
export function scaleRows(
  map: LinearMap,
  factors: Float64Array,
  grid: Grid,
): LinearMap | null {
  if (map.kind !== "matrix") {
    const output = map.kind === "convolution" ? map.output : grid;
    const area = output[1] * output[2];
    const perChannel = Float64Array.from(
      { length: output[0] },
      (_, c) => factors[c * area],
    );
    const uniform = factors.every((factor, i) =>
      factor === perChannel[Math.floor(i / area)]
    );
    if (map.kind === "selection") {
      return uniform
        ? compose(channelScaling(output, perChannel), map)
        : compose(channelScaling([factors.length, 1, 1], factors), map);
    }
    if (uniform) {
      return { ...map, weights: scaleBlocks(map.weights, perChannel) };
    }
  }
  const matrix = toMatrix(map);
  return matrix && { ...matrix, weights: scaleBlocks(matrix.weights, factors) };
}

/** Equal blocks of weights, each times its factor. */
function scaleBlocks(
  weights: Float64Array,
  factors: Float64Array,
): Float64Array {
  const block = weights.length / factors.length;
  return weights.map((w, i) => w * factors[Math.floor(i / block)]);
}
