/**
 * How few labels could hold a model's weights: what budgets of sealed models go by.
 *
 * @module
 */
import { sum } from "../../sdk/support/numbers.ts";
import { elementCount } from "../../sdk/fixed_point/integer_tensor.ts";
import { tensorNamed } from "../package/bounds.ts";
import type { ModelPackage, RoundSpec } from "../package/format.ts";

/** Numbers of labels. */
export interface LeastLabels {
  /** For all weights. */
  model: number;
  /** For those of the last round. */
  lastRound: number;
}

/**
 * The entropy of the weights over that of a label: each answered final call of a sealed
 * inference tells at most log2(labels) bits. Biases come on top.
 */
export function leastLabels({ manifest, tensors }: ModelPackage): LeastLabels {
  const { rounds } = manifest, last = rounds[rounds.length - 1];
  const bitsOf = ({ terms }: RoundSpec) =>
    sum(
      terms.map(({ weights }) =>
        entropyBits(tensorNamed(tensors, weights).data)
      ),
    );
  const labels = elementCount(last.outputShape);
  const forBits = (bits: number) => Math.ceil(bits / Math.log2(labels));
  return {
    model: forBits(sum(rounds.map(bitsOf))),
    lastRound: forBits(bitsOf(last)),
  };
}

/** Bits of a list in the shortest code that knows how often each value occurs. */
function entropyBits(values: ArrayLike<number>): number {
  const counts = new Map<number, number>();
  for (let i = 0; i < values.length; i++) {
    counts.set(values[i], (counts.get(values[i]) ?? 0) + 1);
  }
  return sum(
    [...counts.values()].map((count) =>
      -count * Math.log2(count / values.length)
    ),
  );
}
