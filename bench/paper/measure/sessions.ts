/**
 * What several stages share of the LeNet and its references.
 *
 * @module
 */
import type { ModelPackage } from "../../../models/package/format.ts";
import { maxSamples, planRound } from "../../../models/planner/plan.ts";
import {
  type ElementwiseCosts,
  type ElementwiseCounts,
  elementwiseSeconds,
} from "../../compare/reference/elementwise.ts";
import { startPython } from "../../compare/reference/python.ts";
import { median } from "../../shared/harness.ts";

/** The greatest batch that is measured anywhere: more takes memory, not less time. */
const maxBatch = 64;

/** Samples an inference at which the planner expects most samples a second. */
export function bestBatch(
  { manifest, tensors }: ModelPackage,
  modulusBits: number,
): number {
  const max = Math.min(maxBatch, maxSamples(manifest, modulusBits));
  const rates = Array.from({ length: max }, (_, i) => {
    const samples = i + 1;
    const totalMs = manifest.rounds.reduce((sum, round) => {
      const options = { modulusBits, samples, tensors };
      return sum + planRound(round, options)[0].forecast.totalMs;
    }, 0);
    return samples / totalMs;
  });
  return 1 + rates.indexOf(Math.max(...rates));
}

/**
 * Seconds of one sample element by element on gmpy2, by counts; null where no
 * Python here has it.
 */
export async function gmpSeconds(
  counts: ElementwiseCounts,
  bits: number,
  turns: number,
): Promise<number | null> {
  await using python = await startPython("elementwise.py", [String(bits)]);
  if (python === null) return null;
  const seconds: number[] = [];
  // The first turn warms up.
  for (let turn = 0; turn <= turns; turn++) {
    const costs = await python.measure<ElementwiseCosts>();
    if (turn > 0) seconds.push(elementwiseSeconds(counts, costs, "fixed"));
  }
  return median(seconds);
}
