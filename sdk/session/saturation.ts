/**
 * Counts values that no honest round gives, and values that a step clamped.
 *
 * @module
 */
import { requantise } from "../activations/scaling.ts";
import type { IntegerTensor } from "../fixed_point/integer_tensor.ts";
import { usedSlots } from "../fixed_point/layout.ts";
import type { GatewayStep, RoundLayout } from "../wire/plan.ts";

/**
 * Counts what no honest round gives: plaintexts above the largest mask, and
 * values at the very bottom of their slot, where the exact bound of a round
 * leaves one value unused.
 *
 * @param plaintexts decrypted answers of a round
 * @param accumulators the same, unpacked
 */
export function countImpossible(
  layout: RoundLayout,
  plaintexts: readonly bigint[],
  accumulators: IntegerTensor,
  modulus: bigint,
): number {
  const masked = plaintexts.filter((plaintext, answer) => {
    const usedBits = BigInt(usedSlots(layout, answer) * layout.slotBits);
    return plaintext >= modulus >> usedBits << usedBits;
  }).length;
  const guardBits = layout.kind === "dense" ? layout.guardBits : 0;
  const lowest = -(2 ** (layout.slotBits - 1 - guardBits));
  return masked + count(accumulators, (value) => value <= lowest);
}

/**
 * Counts the values that `step` clamps because they lie outside the range that
 * the model was calibrated for. A lower end at 0 is a ReLU and does not count.
 */
export function countClamped(step: GatewayStep, tensor: IntegerTensor): number {
  if (step.op !== "requantise") return 0;
  const { low, high } = step;
  const scaled = {
    ...tensor,
    samples: tensor.samples.map((values) =>
      requantise(values, step, -Infinity, Infinity)
    ),
  };
  return count(scaled, (value) => value > high || (low < 0 && value < low));
}

function count(
  { samples }: IntegerTensor,
  matches: (value: number) => boolean,
): number {
  let found = 0;
  for (const values of samples) {
    for (const value of values) if (matches(value)) found++;
  }
  return found;
}
