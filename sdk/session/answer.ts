/**
 * What an inference returns for one reading.
 *
 * @module
 */
import type { RoundReport } from "./events.ts";
import {
  elementCount,
  type IntegerTensor,
} from "../fixed_point/integer_tensor.ts";
import { outputIntegers, realValues } from "../fixed_point/quantise.ts";
import type { LeakageReport } from "./leakage.ts";
import type { ModelInterface, ScoreDisplay } from "../wire/values.ts";

/**
 * What one reading gave.
 *
 * @example
 * ```ts
 * import type { Answer } from "@cipherlayer/sdk";
 *
 * const tell = ({ label, predicted, totalMs, bytesUp, bytesDown }: Answer) =>
 *   `${label ?? predicted}: ${totalMs.toFixed(0)} ms, ${bytesUp + bytesDown} bytes`;
 * console.log(typeof tell); // tell(await session.infer(reading))
 * ```
 */
export interface Answer {
  /** Every output by name, row-major; null where the model's owner reveals labels alone. */
  outputs: Record<string, number[]> | null;
  /** The first output; null where the model's owner reveals labels alone. */
  scores: number[] | null;
  /** Index of its largest value. */
  predicted: number;
  /** Its label, where the model has labels. */
  label: string | null;
  /**
   * Values, over all rounds and readings of the batch, that lay outside the range
   * the model was calibrated for and were clamped. A few are normal; many tell of
   * readings unlike the model's data, or of a cloud that answers falsely. A sealed
   * inference shows the gateway none of them: 0.
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
  /** Arithmetic that the gateway used: `wasm`, `wasm-unfused` or `bigint` (`selectKernel`). */
  kernel: string;
}

/**
 * What one sample of the last activations says.
 *
 * @param activations integers by name
 */
export function readOutputs(
  activations: ReadonlyMap<string, IntegerTensor>,
  sample: number,
  { outputs, reveal }: ModelInterface,
): Pick<Answer, "outputs" | "scores" | "predicted" | "label"> {
  const [first] = outputs;
  const values = (tensor: string) => activations.get(tensor)!.samples[sample];
  if (reveal === "label") {
    // A cloud that answers falsely may name a label that does not exist.
    const predicted = Math.min(
      Math.max(values(first.tensor)[first.start], 0),
      elementCount(first.shape) - 1,
    );
    const label = first.labels?.[predicted] ?? null;
    return { outputs: null, scores: null, predicted, label };
  }
  const linear = outputs.map((output) =>
    Array.from(
      realValues(outputIntegers(output, values(output.tensor)), output),
    )
  );
  const predicted = linear[0].indexOf(
    linear[0].reduce((a, b) => Math.max(a, b)),
  );
  const displayed = outputs.map(({ name, tail }, i) =>
    [name, displayScores(linear[i], tail)] as const
  );
  return {
    outputs: Object.fromEntries(displayed),
    scores: displayed[0][1],
    predicted,
    label: first.labels?.[predicted] ?? null,
  };
}

/**
 * Scores as the model's author shows them. Floating point, for display only:
 * nothing that must agree between machines depends on it.
 */
export function displayScores(scores: number[], tail: ScoreDisplay): number[] {
  if (tail === "none") return scores;
  const max = scores.reduce((a, b) => Math.max(a, b));
  const total = scores.reduce((sum, score) => sum + Math.exp(score - max), 0);
  const logarithm = max + Math.log(total);
  return tail === "softmax"
    ? scores.map((score) => Math.exp(score - logarithm))
    : scores.map((score) => score - logarithm);
}
