/**
 * How many labels could hold a model's weights: what budgets of sealed models are
 * chosen below.
 *
 * @module
 */
import type { ModelPackage } from "../../models/package/format.ts";
import { elementCount } from "../../sdk/fixed_point/integer_tensor.ts";

/** Labels for a full copy, beyond those that could hold it: attacks reach the bound nearly. */
export const assumedSurplus = 1.4;

/** A model that fewer labels hold is soon copied. */
export const fewLabels = 10_000;

export interface LabelsNeeded {
  /** Empirical entropy of the weights, in bits; biases are left out. */
  weightBits: number;
  /** What one label tells at most. */
  bitsPerLabel: number;
  /** No fewer labels hold the weights. */
  least: number;
  /** What to assume. */
  assumed: number;
}

/** @param rounds of which the weights are counted @default all */
export function labelsNeeded(
  { manifest, tensors }: ModelPackage,
  rounds: readonly number[] = manifest.rounds.map((_, i) => i),
): LabelsNeeded {
  let weightBits = 0;
  for (const round of rounds) {
    for (const { weights } of manifest.rounds[round].terms) {
      weightBits += entropyBits(tensors.get(weights)!.data);
    }
  }
  const bitsPerLabel = Math.log2(elementCount(manifest.outputs[0].shape));
  const least = Math.ceil(weightBits / bitsPerLabel);
  return {
    weightBits,
    bitsPerLabel,
    least,
    assumed: Math.ceil(assumedSurplus * least),
  };
}

/** Bits that a code made for these numbers takes for all of them. */
function entropyBits(values: Int32Array): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) {
    bits -= count * Math.log2(count / values.length);
  }
  return bits;
}
