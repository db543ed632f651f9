import { displayScores } from "./display_scores.ts";
import type { RoundReport } from "./events.ts";
import {
  elementCount,
  type IntegerTensor,
} from "../fixed_point/integer_tensor.ts";
import type { LeakageReport } from "./leakage.ts";
import type { PlanOutput } from "../wire/plan.ts";

/** What one reading gave. */
export interface Answer {
  /** The model's outputs, row-major; null where the model's owner reveals labels alone. */
  scores: number[] | null;
  /** Index of the largest score. */
  predicted: number;
  /** Its label, where the model has labels. */
  label: string | null;
  /**
   * Values, over all rounds and readings of the batch, that lay outside the range
   * the model was calibrated for and were clamped. A few are normal; many tell of
   * readings unlike the model's data, or of a cloud that answers falsely.
   */
  clampedValues: number;
  /** Cost of each round, shared by all readings of a batch. */
  rounds: RoundReport[];
  /** Wall clock of the inference, in milliseconds. */
  totalMs: number;
  /** Bodies of all requests. */
  bytesUp: number;
  /** Bodies of all answers. */
  bytesDown: number;
  /** What the inference could tell the cloud and the gateway, in bits and words. */
  leakage: LeakageReport;
  /** Arithmetic that the gateway used: `wasm` or `bigint`. */
  kernel: string;
}

/** Scores, arg-max and label of one sample of the last activation. */
export function readOutput(
  output: IntegerTensor,
  sample: number,
  spec: PlanOutput,
) {
  const integers = output.samples[sample];
  if (spec.reveal === "label") {
    // A cloud that answers falsely may name a label that does not exist.
    const predicted = Math.min(
      Math.max(integers[0], 0),
      elementCount(spec.shape) - 1,
    );
    return {
      scores: null,
      predicted,
      label: spec.labels?.[predicted] ?? null,
    };
  }
  const linear = Array.from(integers, (integer) => integer * spec.scale);
  const predicted = integers.indexOf(integers.reduce((a, b) => Math.max(a, b)));
  return {
    scores: displayScores(linear, spec.tail),
    predicted,
    label: spec.labels?.[predicted] ?? null,
  };
}
