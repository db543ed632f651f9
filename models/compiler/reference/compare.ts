/** Holds the lowered network to the graph's own evaluation on calibration readings. */
import { runFloat } from "../float_reference.ts";
import type { FloatNetwork } from "../ir.ts";
import { detachTail } from "../lower/score_display.ts";
import type { OnnxGraph } from "../onnx/graph.ts";
import { evaluator } from "./evaluate.ts";

export interface IndependentCheck {
  /** Readings that were compared. */
  readings: number;
  /** Relative L2 difference of the scores. */
  difference: number;
}

/** Both work in doubles, in another order. */
const maxDifference = 1e-6;

/** Products that the evaluation may take, about; at least one reading is compared. */
const maxProducts = 1e9;
const maxReadings = 32;

/**
 * @throws {RangeError} if the lowered network and the graph disagree, or the graph
 * cannot be evaluated
 */
export function compareWithGraph(
  graph: OnnxGraph,
  network: FloatNetwork,
  calibration: readonly ArrayLike<number>[],
): IndependentCheck {
  const count = Math.min(
    calibration.length,
    maxReadings,
    Math.max(1, Math.floor(maxProducts / productsOf(network))),
  );
  const evaluate = evaluator(
    graph,
    graph.outputs.map(({ name }) => detachTail(graph, name).output),
  );
  let energy = 0, difference = 0;
  for (const reading of calibration.slice(0, count)) {
    const expected = evaluate(reading), got = runFloat(network, reading);
    for (let i = 0; i < Math.max(expected.length, got.length); i++) {
      energy += expected[i] ** 2;
      difference += (expected[i] - got[i]) ** 2;
    }
  }
  const relative = difference === 0 ? 0 : Math.sqrt(difference / energy);
  if (relative <= maxDifference) {
    return { readings: count, difference: relative };
  }
  throw new RangeError(
    `Cannot compile model: its rounds differ from the ONNX graph on calibration readings (relative difference ${
      relative.toExponential(2)
    }); this is a fault of the compiler`,
  );
}

function productsOf({ rounds }: FloatNetwork): number {
  return rounds.flatMap(({ terms }) =>
    terms.map(({ map }) =>
      map.weights.length *
      (map.kind === "convolution" ? map.output[1] * map.output[2] : 1)
    )
  ).reduce((a, b) => a + b, 1);
}
