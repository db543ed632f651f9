/**
 * Runs a network of rounds in floating point, one sample at a time: the yardstick
 * of quantisation and the source of its calibration statistics.
 */
import { convolve } from "./convolve.ts";
import type {
  EdgeOperation,
  FloatNetwork,
  FloatRound,
  Matrix,
  Window,
} from "./ir.ts";
import { multiplyInto } from "./passes/linear_map.ts";
import { countedCells } from "./passes/windows.ts";

/** The activation "input" of a reading. */
export function readInput(
  { input }: FloatNetwork,
  reading: ArrayLike<number>,
): Float64Array {
  return Float64Array.from(reading, (x) => x * input.gain + input.offset);
}

/** Samples that share one pass over the weights of a dense round. */
const blockSamples = 4;

/**
 * Sum of terms and bias, one sample after another.
 *
 * @param samples of each activation that the round reads
 */
export function* accumulators(
  round: FloatRound,
  samples: ReadonlyMap<string, ArrayLike<number>[]>,
): Generator<Float64Array> {
  const count = samples.get(round.terms[0].reads)!.length;
  for (let first = 0; first < count; first += blockSamples) {
    const size = Math.min(blockSamples, count - first);
    const outs = Array.from(
      { length: size },
      () => Float64Array.from(round.bias),
    );
    for (const { reads, map } of round.terms) {
      const inputs = samples.get(reads)!.slice(first, first + size);
      if (map.kind === "convolution") {
        outs.forEach((out, i) => convolve(map, inputs[i], out));
      } else if (size === blockSamples) multiplyFour(map, inputs, outs);
      else outs.forEach((out, i) => multiplyInto(map, inputs[i], out));
    }
    yield* outs;
  }
}

/** ys[i] += W xs[i] for four samples: each weight is loaded once. */
function multiplyFour(
  { rows, columns, weights }: Matrix,
  [x0, x1, x2, x3]: ArrayLike<number>[],
  [y0, y1, y2, y3]: Float64Array[],
): void {
  for (let row = 0, at = 0; row < rows; row++) {
    let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (let column = 0; column < columns; column++, at++) {
      const weight = weights[at];
      s0 += weight * x0[column];
      s1 += weight * x1[column];
      s2 += weight * x2[column];
      s3 += weight * x3[column];
    }
    y0[row] += s0;
    y1[row] += s1;
    y2[row] += s2;
    y3[row] += s3;
  }
}

/** Scores of one reading. */
export function runFloat(
  network: FloatNetwork,
  reading: ArrayLike<number>,
): Float64Array {
  let last = readInput(network, reading);
  const activations = new Map([["input", [last]]]);
  for (const round of network.rounds) {
    const [accumulated] = accumulators(round, activations);
    last = applyOperations(round, accumulated);
    activations.set(round.writes, [last]);
  }
  return last;
}

/** The edge's operations on one sample's accumulators. */
export function applyOperations(
  round: FloatRound,
  accumulators: Float64Array,
): Float64Array {
  return round.edge.reduce(applyOperation, accumulators);
}

function applyOperation(x: Float64Array, step: EdgeOperation): Float64Array {
  switch (step.op) {
    case "relu":
      return x.map((v) => v > 0 ? v : 0);
    case "leakyRelu": {
      const perSlope = x.length / step.slopes.length;
      return x.map((v, i) =>
        v < 0 ? v * step.slopes[Math.floor(i / perSlope)] : v
      );
    }
    case "clip":
      return x.map((v) => Math.min(Math.max(v, step.low), step.high));
    case "function":
      return x.map(step.apply);
    case "maxPool":
      return overWindows(step.window, x, -Infinity, Math.max);
    case "averagePool": {
      const sums = overWindows(step.window, x, 0, (sum, v) => sum + v);
      const cells = countedCells(step.window, step.counted);
      return sums.map((sum, i) => sum / cells[i % cells.length]);
    }
  }
}

/** Joins the cells of each window that lie inside of the grid. */
function overWindows(
  { input, output, kernel, stride, dilation, pads }: Window,
  x: Float64Array,
  initial: number,
  join: (joined: number, value: number) => number,
): Float64Array {
  const [channels, height, width] = input, [, rows, columns] = output;
  const out = new Float64Array(channels * rows * columns).fill(initial);
  for (let c = 0, at = 0; c < channels; c++) {
    for (let oy = 0; oy < rows; oy++) {
      for (let ox = 0; ox < columns; ox++, at++) {
        for (let ky = 0; ky < kernel[0]; ky++) {
          const y = stride[0] * oy + dilation[0] * ky - pads[0];
          if (y < 0 || y >= height) continue;
          for (let kx = 0; kx < kernel[1]; kx++) {
            const column = stride[1] * ox + dilation[1] * kx - pads[1];
            if (column < 0 || column >= width) continue;
            out[at] = join(out[at], x[(c * height + y) * width + column]);
          }
        }
      }
    }
  }
  return out;
}
