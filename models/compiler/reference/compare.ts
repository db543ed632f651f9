/**
 * Holds the lowered network to the graph's own evaluation on calibration readings.
 *
 * @module
 */
import { outputsOf, runFloat } from "../float_reference.ts";
import type { FloatNetwork } from "../ir.ts";
import { prepareGraph } from "../lower/prepare.ts";
import type { OnnxGraph } from "../onnx/graph.ts";
import type { FloatStatistics } from "../quantise/statistics.ts";
import { evaluator } from "./evaluate.ts";

export interface IndependentCheck {
  /** Readings that were compared. */
  readings: number;
  /** Relative L2 difference of the scores. */
  difference: number;
}

/** Both work in doubles, in another order. */
const maxDifference = 1e-6;

/** Calibration works in single precision. */
const maxSingleDifference = 1e-2;

/** Products that the evaluation may take, about; at least one reading is compared. */
const maxProducts = 3e8;
const maxReadings = 8;

/**
 * @throws {RangeError} if the lowered network and the graph disagree, or the graph
 * cannot be evaluated
 */
export function compareWithGraph(
  given: OnnxGraph,
  network: FloatNetwork,
  calibration: readonly ArrayLike<number>[],
  { samples }: FloatStatistics,
): IndependentCheck {
  const graph = prepareGraph(given);
  const count = Math.min(
    calibration.length,
    maxReadings,
    Math.max(1, Math.floor(maxProducts / productsOf(network))),
  );
  const evaluate = evaluator(
    graph,
    network.outputs.map(({ end }) => end),
  );
  const readings = calibration.slice(0, count);
  const expected = readings.map(evaluate);
  const relative = differenceOf(
    expected,
    readings.map((reading) => runFloat(network, reading)),
  );
  if (!(relative <= maxDifference)) {
    throw new RangeError(
      `Cannot compile model: its rounds differ from the ONNX graph on calibration readings (relative difference ${
        relative.toExponential(2)
      }); this is a fault of the compiler`,
    );
  }
  const single = differenceOf(
    expected,
    outputsOf(network, samples).slice(0, count),
  );
  if (!(single <= maxSingleDifference)) {
    throw new RangeError(
      `Cannot calibrate: single precision does not hold the model's numbers (relative difference ${
        single.toExponential(2)
      }); scale weights and readings nearer to 1`,
    );
  }
  return { readings: count, difference: relative };
}

/** Relative L2 difference; NaN where lengths differ. */
function differenceOf(
  expected: readonly ArrayLike<number>[],
  got: readonly ArrayLike<number>[],
): number {
  let energy = 0, difference = 0;
  expected.forEach((values, s) => {
    for (let i = 0; i < Math.max(values.length, got[s].length); i++) {
      energy += values[i] ** 2;
      difference += (values[i] - got[s][i]) ** 2;
    }
  });
  return difference === 0 ? 0 : Math.sqrt(difference / energy);
}

function productsOf({ rounds }: FloatNetwork): number {
  return rounds.flatMap(({ terms }) =>
    terms.map(({ map }) =>
      map.weights.length *
      (map.kind === "convolution" ? map.output[1] * map.output[2] : 1)
    )
  ).reduce((a, b) => a + b, 1);
}
