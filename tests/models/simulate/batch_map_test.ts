import { deepEqual, equal, notEqual } from "node:assert/strict";
import fc from "fast-check";
import { convolve } from "../../../models/compiler/convolve.ts";
import {
  type BatchableMap,
  batchMap,
  exactPrecision,
} from "../../../models/simulate/batch_map.ts";
import type { Precision } from "../../../models/simulate/tile_module.ts";
import { multiplyInto } from "../../../models/compiler/lower/linear_map.ts";

/** Small integers, another one at each place. */
function integers(length: number, seed: number): Float64Array {
  let state = seed * 2654435761 >>> 0 || 1;
  return Float64Array.from({ length }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % 41 - 20;
  });
}

/** Checks a map on `count` samples, on top of what the outputs hold, in both formats. */
function checkMap(map: BatchableMap, count: number): void {
  const size = (grid: readonly number[]) => grid.reduce((a, b) => a * b);
  const isMatrix = map.kind === "matrix";
  const inputs = Array.from(
    { length: count },
    (_, s) => integers(isMatrix ? map.columns : size(map.input), s + 1),
  );
  const start = integers(isMatrix ? map.rows : size(map.output), 99);
  const expected = inputs.map((input) => {
    const output = start.slice();
    const weights = Float64Array.from(map.weights);
    if (isMatrix) multiplyInto({ ...map, weights }, input, output);
    else convolve({ ...map, weights }, input, output);
    return output;
  });
  for (const precision of ["f32", "f64"] as Precision[]) {
    const outputs = inputs.map(() => start.slice());
    batchMap(map, precision)(inputs, outputs);
    deepEqual(outputs, expected);
  }
}

const axis = fc.record({
  length: fc.integer({ min: 1, max: 13 }),
  kernel: fc.integer({ min: 1, max: 4 }),
  stride: fc.integer({ min: 1, max: 3 }),
  dilation: fc.integer({ min: 1, max: 3 }),
  before: fc.integer({ min: -2, max: 3 }),
  after: fc.integer({ min: -2, max: 3 }),
});
const outputLength = (
  { length, kernel, stride, dilation, before, after }: {
    [name: string]: number;
  },
) =>
  Math.floor((length + before + after - dilation * (kernel - 1) - 1) / stride) +
  1;

Deno.test("convolutions of any geometry equal those of plain loops", () => {
  fc.assert(fc.property(
    axis,
    axis,
    fc.integer({ min: 1, max: 3 }),
    fc.integer({ min: 1, max: 4 }),
    fc.integer({ min: 1, max: 6 }),
    (y, x, groups, inPerGroup, outPerGroup) => {
      const outHeight = outputLength(y), outWidth = outputLength(x);
      fc.pre(outHeight > 0 && outWidth > 0);
      checkMap({
        kind: "convolution",
        input: [groups * inPerGroup, y.length, x.length],
        output: [groups * outPerGroup, outHeight, outWidth],
        kernel: [y.kernel, x.kernel],
        stride: [y.stride, x.stride],
        dilation: [y.dilation, x.dilation],
        pads: [y.before, x.before, y.after, x.after],
        groups,
        weights: integers(
          groups * outPerGroup * inPerGroup * y.kernel * x.kernel,
          7,
        ),
      }, 3);
    },
  ));
});

Deno.test("multiplies matrices of any size, over more samples than one batch holds", () => {
  for (const [rows, columns, count] of [[1, 1, 1], [3, 7, 65], [10, 33, 130]]) {
    checkMap(
      { kind: "matrix", rows, columns, weights: integers(rows * columns, 5) },
      count,
    );
  }
});

Deno.test("maps that take turns do not disturb each other", () => {
  const matrix = (seed: number): BatchableMap => ({
    kind: "matrix",
    rows: 5,
    columns: 9,
    weights: integers(45, seed),
  });
  const first = batchMap(matrix(1), "f32"), second = batchMap(matrix(2), "f32");
  const run = (map: typeof first) => {
    const output = new Float64Array(5);
    map([integers(9, 3)], [output]);
    return output;
  };
  const once = run(first);
  notEqual(run(second).join(), once.join());
  deepEqual(run(first), once);
});

Deno.test("uses the narrow format while it is exact", () => {
  equal(exactPrecision(2 ** 23), "f32");
  equal(exactPrecision(2 ** 23 + 1), "f64");
  // 2^24 + 1 is the first whole number that a float32 cannot hold.
  const sum = (precision: Precision) => {
    const output = new Float64Array(1);
    const map: BatchableMap = {
      kind: "matrix",
      rows: 1,
      columns: 2,
      weights: [2 ** 20, 1],
    };
    batchMap(map, precision)([[16, 1]], [output]);
    return output[0];
  };
  equal(sum("f64"), 2 ** 24 + 1);
  equal(sum("f32"), 2 ** 24);
});
