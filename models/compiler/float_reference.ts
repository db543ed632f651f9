/**
 * Runs a network of rounds in floating point: the yardstick of quantisation and the
 * source of its calibration statistics.
 *
 * @module
 */
import { transposedFrom } from "../../sdk/activations/transpose.ts";
import { relu } from "../../sdk/activations/scaling.ts";
import { elementCount } from "../../sdk/fixed_point/integer_tensor.ts";
import { sum } from "../../sdk/support/numbers.ts";
import { applyJoin } from "./float_joins.ts";
import {
  type FloatNetwork,
  type FloatRound,
  type GatewayOperation,
  isJoin,
  type JoinOperation,
  type Window,
  writtenBy,
} from "./ir.ts";
import { batchMap } from "../simulate/batch_map.ts";
import { blur, onGrid } from "./integer_grid.ts";
import type { Precision } from "../simulate/tile_module.ts";
import { countedCells } from "./lower/windows.ts";

/** Elements of a reading: those of all inputs. */
export function readingLength({ inputs }: FloatNetwork): number {
  return sum(inputs.map(({ shape }) => elementCount(shape)));
}

/** The readings' part for each input, in the network's order. */
export function inputReadings(
  { inputs }: FloatNetwork,
  readings: readonly ArrayLike<number>[],
): ArrayLike<number>[][] {
  if (inputs.length === 1) return [[...readings]];
  let from = 0;
  return inputs.map(({ shape }) => {
    const start = from, end = from += elementCount(shape);
    return readings.map((reading) =>
      Float64Array.from(
        { length: end - start },
        (_, i) => reading[start + i],
      )
    );
  });
}

/** The activations of the inputs by name, of many readings. */
export function inputActivations(
  network: FloatNetwork,
  readings: readonly ArrayLike<number>[],
): Map<string, Float64Array[]> {
  const parts = inputReadings(network, readings);
  return new Map(network.inputs.map(({ name, gain, offset, grid }, i) => [
    name,
    parts[i].map((part) =>
      Float64Array.from(part, (x) => {
        const value = x * gain + offset;
        return grid ? onGrid(value, grid) : value;
      })
    ),
  ]));
}

/** What the network gives of each sample: its outputs, one after another. */
export function outputsOf(
  { outputs }: FloatNetwork,
  samples: ReadonlyMap<string, ArrayLike<number>[]>,
): Float64Array[] {
  const parts = outputs.map(({ tensor, unit, zero }) => {
    const values = samples.get(tensor)!;
    if (unit === 1 && zero === 0) return values;
    return values.map((sample) =>
      Float64Array.from(sample, (x) => x / unit + zero)
    );
  });
  return parts[0].map((_, s) =>
    Float64Array.from(parts.flatMap((part) => Array.from(part[s])))
  );
}

/** Samples that are computed together. */
const blockSamples = 32;

/**
 * Sum of terms and bias, one sample after another.
 *
 * @param samples of each activation that the round reads
 * @param precision of the products and sums of each term
 */
export function* accumulators(
  round: FloatRound,
  samples: ReadonlyMap<string, ArrayLike<number>[]>,
  precision: Precision,
): Generator<Float64Array> {
  const terms = round.terms.map(({ reads, map }) => ({
    inputs: samples.get(reads)!,
    addTerm: batchMap(map, precision),
  }));
  const count = terms[0].inputs.length;
  for (let first = 0; first < count; first += blockSamples) {
    const size = Math.min(blockSamples, count - first);
    const outputs = Array.from(
      { length: size },
      () => Float64Array.from(round.bias),
    );
    for (const { inputs, addTerm } of terms) {
      addTerm(inputs.slice(first, first + size), outputs);
    }
    yield* outputs;
  }
}

/** Outputs of one reading, one after another. */
export function runFloat(
  network: FloatNetwork,
  reading: ArrayLike<number>,
): Float64Array {
  const activations = inputActivations(network, [reading]);
  for (const round of network.rounds) {
    const [accumulated] = accumulators(round, activations, "f64");
    const live = new Map<string, ArrayLike<number>>(
      [...activations].map(([name, [values]]) => [name, values]),
    );
    live.set(round.writes, applyOperations(round, accumulated, live));
    for (const name of writtenBy(round)) {
      activations.set(name, [Float64Array.from(live.get(name)!)]);
    }
  }
  return outputsOf(network, activations)[0];
}

/**
 * The gateway's operations on one sample's accumulators.
 *
 * @param live earlier activations of the sample; those that are kept are added
 */
export function applyOperations(
  round: FloatRound,
  accumulators: Float64Array,
  live: Map<string, ArrayLike<number>>,
): Float64Array {
  return round.gateway.reduce(
    (x, step) =>
      isJoin(step) ? applyJoin(x, step, live) : applyOperation(x, step),
    accumulators,
  );
}

function applyOperation(
  x: Float64Array,
  step: Exclude<GatewayOperation, JoinOperation>,
): Float64Array {
  switch (step.op) {
    case "relu":
      return relu(x);
    case "leakyRelu": {
      const perSlope = x.length / step.slopes.length;
      return x.map((v, i) =>
        v < 0 ? v * step.slopes[Math.floor(i / perSlope)] : v
      );
    }
    case "clip":
      return x.map((v) => Math.min(Math.max(v, step.low), step.high));
    case "quantise":
      return x.map((v) => onGrid(v, step));
    case "sign":
      return x.map((v) => v < -blur ? -step.scale : step.scale);
    case "function":
      return x.map(step.apply);
    case "transpose": {
      const from = transposedFrom(step.shape, step.order);
      return Float64Array.from(from, (at) => x[at]);
    }
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
