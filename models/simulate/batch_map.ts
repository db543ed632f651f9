/**
 * Convolutions and matrices on many samples, fast.
 *
 * A convolution runs on its padded input without being written out to patches: the
 * input is kept in one plane for each channel and phase of the strides, where
 * whatever a kernel element reads for neighbouring outputs lies side by side.
 * Outputs are computed for whole rows of a plane, the few beyond an output's edge
 * thrown away. A matrix is the convolution whose channels are its columns and
 * whose positions are the samples.
 *
 * @module
 */
import type { ConvolutionGeometry } from "../compiler/convolve.ts";
import type { Matrix } from "../compiler/ir.ts";
import {
  elementBytes,
  type Precision,
  tileColumns,
  tileInstance,
  tileRows,
} from "./tile_module.ts";

/** A linear map of the kind that rounds are made of. */
export type BatchableMap =
  & { weights: ArrayLike<number> }
  & (
    | { kind: "convolution" } & ConvolutionGeometry
    | Omit<Matrix, "weights">
  );

/** outputs[s] += map(inputs[s]), element by element. */
export type BatchMap = (
  inputs: readonly ArrayLike<number>[],
  outputs: readonly Float64Array[],
) => void;

/** Samples of a matrix that are taken together. */
const matrixColumns = 64;

/**
 * The format in which all sums of a round of integers are exact, in any order and
 * without the bias: each is the difference of two accumulators that inputs within
 * the terms' ranges give, zero being always among these.
 *
 * @param bound of the round's accumulators
 */
export function exactPrecision(bound: number): Precision {
  return 2 * bound <= 2 ** 24 ? "f32" : "f64";
}

/** Prepares a map. */
export function batchMap(map: BatchableMap, precision: Precision): BatchMap {
  return map.kind === "convolution"
    ? convolution(map, precision)
    : matrix(map, precision);
}

function matrix(
  { rows, columns, weights }: Omit<Matrix, "kind" | "weights"> & {
    weights: ArrayLike<number>;
  },
  precision: Precision,
): BatchMap {
  const product = tiledProduct(precision, {
    rows,
    groups: 1,
    weights,
    offsets: Int32Array.from({ length: columns }, (_, k) => k * matrixColumns),
    inputLength: columns * matrixColumns,
    groupLength: 0,
    columns: matrixColumns,
  });
  return (inputs, outputs) => {
    for (let first = 0; first < inputs.length; first += matrixColumns) {
      const count = Math.min(matrixColumns, inputs.length - first);
      const { input, output, multiply } = product(count);
      for (let s = 0; s < count; s++) {
        const sample = inputs[first + s];
        for (let k = 0, to = s; k < columns; k++, to += matrixColumns) {
          input[to] = sample[k];
        }
      }
      const rowLength = multiply();
      for (let s = 0; s < count; s++) {
        const sample = outputs[first + s];
        for (let row = 0, at = s; row < rows; row++, at += rowLength) {
          sample[row] += output[at];
        }
      }
    }
  };
}

function convolution(
  map: ConvolutionGeometry & { weights: ArrayLike<number> },
  precision: Precision,
): BatchMap {
  const { kernel, stride, dilation, pads, groups, weights } = map;
  const [inChannels, inHeight, inWidth] = map.input;
  const [rows, outHeight, outWidth] = map.output;
  const [strideY, strideX] = stride;
  const planeWidth = outWidth +
    Math.floor((kernel[1] - 1) * dilation[1] / strideX);
  const planeHeight = outHeight +
    Math.floor((kernel[0] - 1) * dilation[0] / strideY);
  const planeLength = planeWidth * planeHeight;
  const channelLength = planeLength * strideY * strideX;
  const perGroup = inChannels / groups;

  /** Place of row y, column x of the padded input, from its channel on. */
  const place = (y: number, x: number) =>
    ((y % strideY) * strideX + x % strideX) * planeLength +
    Math.floor(y / strideY) * planeWidth + Math.floor(x / strideX);
  const offsets: number[] = [];
  for (let channel = 0; channel < perGroup; channel++) {
    for (let ky = 0; ky < kernel[0]; ky++) {
      for (let kx = 0; kx < kernel[1]; kx++) {
        offsets.push(
          channel * channelLength + place(ky * dilation[0], kx * dilation[1]),
        );
      }
    }
  }
  const product = tiledProduct(precision, {
    rows,
    groups,
    weights,
    offsets: Int32Array.from(offsets),
    inputLength: inChannels * channelLength,
    groupLength: perGroup * channelLength,
    columns: (outHeight - 1) * planeWidth + outWidth,
  });
  // Where each row and column of the input goes; -1 where nothing reads it.
  const rowPlaces = placesOf(inHeight, pads[0], planeHeight * strideY)
    .map((y) => y < 0 ? -1 : place(y, 0));
  const columnPlaces = placesOf(inWidth, pads[1], planeWidth * strideX)
    .map((x) => x < 0 ? -1 : place(0, x));
  const read = Int32Array.from(columnPlaces.keys())
    .filter((x) => columnPlaces[x] >= 0);
  const firstRead = read[0] ?? 0, lastRead = read.at(-1) ?? -1;

  return (inputs, outputs) => {
    const { input, output, multiply } = product();
    inputs.forEach((sample, s) => {
      for (let channel = 0, at = 0; channel < inChannels; channel++) {
        for (let y = 0; y < inHeight; y++, at += inWidth) {
          if (rowPlaces[y] < 0) continue;
          const to = channel * channelLength + rowPlaces[y];
          for (let x = firstRead; x <= lastRead; x++) {
            input[to + columnPlaces[x]] = sample[at + x];
          }
        }
      }
      const rowLength = multiply(), sums = outputs[s];
      for (let row = 0, at = 0; row < rows; row++) {
        for (let y = 0; y < outHeight; y++) {
          const from = row * rowLength + y * planeWidth;
          for (let x = 0; x < outWidth; x++) sums[at++] += output[from + x];
        }
      }
    });
  };
}

/** For each line of the input its place among the padded lines, or -1. */
function placesOf(
  lines: number,
  padding: number,
  padded: number,
): Int32Array {
  return Int32Array.from({ length: lines }, (_, i) => {
    const place = i + padding;
    return place >= 0 && place < padded ? place : -1;
  });
}

type Elements = Float32Array | Float64Array;

interface ProductShape {
  rows: number;
  groups: number;
  /** [rows, terms] */
  weights: ArrayLike<number>;
  /** Elements from a group's input on, one a term. */
  offsets: Int32Array;
  inputLength: number;
  /** Elements between the inputs of two groups. */
  groupLength: number;
  columns: number;
}

interface LoadedProduct {
  /** To be filled; zero at first. */
  input: Elements;
  /** [rows, columns], rows as far apart as `multiply` says. */
  output: Elements;
  multiply: () => number;
}

/**
 * Lays a product out in the module's memory. Weights are packed once; they and the
 * offsets are copied there when another product has used the memory since.
 *
 * @returns what makes the product ready for `columns` columns
 */
function tiledProduct(
  precision: Precision,
  shape: ProductShape,
): (columns?: number) => LoadedProduct {
  const { rows, groups, offsets, inputLength, groupLength } = shape;
  const size = elementBytes[precision], lanes = tileColumns(precision);
  const terms = offsets.length;
  const groupRows = rows / groups;
  const rowBlocks = Math.ceil(groupRows / tileRows);
  const packed = packWeights(shape, precision, rowBlocks);
  const offsetBytes = offsets.map((offset) => offset * size);
  const maxTiles = Math.ceil(shape.columns / lanes);
  const outputLength = groups * rowBlocks * tileRows * maxTiles * lanes;

  const align = (bytes: number) => Math.ceil(bytes / 16) * 16;
  const offsetsAt = align(packed.byteLength);
  const inputAt = offsetsAt + align(offsetBytes.byteLength);
  // The last tile reads beyond the last plane.
  const outputAt = inputAt + align((inputLength + lanes) * size);
  const end = outputAt + align(outputLength * size);
  const instance = tileInstance(precision);

  return (columns = shape.columns) => {
    const tiles = Math.ceil(columns / lanes);
    const rowLength = tiles * lanes;
    const [input, output] = load();
    return {
      input,
      output,
      multiply: () => {
        for (let group = 0; group < groups; group++) {
          instance.multiply(
            group * rowBlocks * tileRows * terms * size,
            offsetsAt,
            inputAt + group * groupLength * size,
            outputAt + group * groupRows * rowLength * size,
            terms,
            tiles,
            rowBlocks,
            rowLength * size,
          );
        }
        return rowLength;
      },
    };
  };

  function load(): [input: Elements, output: Elements] {
    const { memory } = instance;
    const missing = end - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / 65536));
    const view = precision === "f32" ? Float32Array : Float64Array;
    const input = new view(memory.buffer, inputAt, inputLength);
    const output = new view(memory.buffer, outputAt, outputLength);
    if (inMemory.get(precision) !== packed) {
      new view(memory.buffer, 0, packed.length).set(packed);
      new Int32Array(memory.buffer, offsetsAt, terms).set(offsetBytes);
      new view(memory.buffer, inputAt, inputLength + lanes).fill(0);
      inMemory.set(precision, packed);
    }
    return [input, output];
  }
}

/** The weights that are in each module's memory. */
const inMemory = new Map<Precision, Elements>();

/** Weights as [group, row block, term, row of the block]; missing rows are zero. */
function packWeights(
  { rows, groups, weights, offsets: { length: terms } }: ProductShape,
  precision: Precision,
  rowBlocks: number,
): Elements {
  const length = groups * rowBlocks * tileRows * terms;
  const packed = precision === "f32"
    ? new Float32Array(length)
    : new Float64Array(length);
  const groupRows = rows / groups;
  for (let row = 0, at = 0; row < rows; row++) {
    const group = Math.floor(row / groupRows), within = row % groupRows;
    const block = group * rowBlocks + Math.floor(within / tileRows);
    let to = block * terms * tileRows + within % tileRows;
    for (let k = 0; k < terms; k++, to += tileRows) packed[to] = weights[at++];
  }
  return packed;
}
