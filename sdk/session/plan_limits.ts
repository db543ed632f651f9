/**
 * Memory and work that a plan may cost the gateway.
 *
 * @module
 */
import { operandOf } from "../activations/operands.ts";
import { elementCount } from "../fixed_point/integer_tensor.ts";
import {
  answerCiphertexts,
  blockSlots,
  inputCiphertexts,
} from "../fixed_point/layout.ts";
import { outputTensors } from "../wire/check_interface.ts";
import type { GatewayStep, InferencePlan, RoundLayout } from "../wire/plan.ts";

/**
 * How much memory and work a plan may ask of the gateway.
 *
 * @example
 * ```ts
 * import type { PlanLimits } from "@cipherlayer/sdk";
 *
 * const planLimits: Partial<PlanLimits> = { operations: 2 ** 28 }; // a slow gateway
 * console.log(planLimits); // connect({ planLimits, ... })
 * ```
 */
export interface PlanLimits {
  /**
   * Elements of one sample that are in memory at a time, outputs included.
   *
   * @default 2^22
   */
  elementsPerSample: number;
  /**
   * The same over all samples.
   *
   * @default 2^24
   */
  elements: number;
  /**
   * Numbers packed, unpacked, added or compared over all rounds, and read as outputs; a
   * ciphertext that is encrypted or decrypted counts as 1024.
   *
   * @default 2^31
   */
  operations: number;
}

/** Far above what any model of the zoo needs. */
export const defaultPlanLimits: PlanLimits = {
  elementsPerSample: 2 ** 22,
  elements: 2 ** 24,
  operations: 2 ** 31,
};

/** What an encryption or decryption counts as, in numbers. */
const ciphertextWork = 2 ** 10;

/** Work of packing, encrypting, decrypting and unpacking a round, for all samples. */
export function layoutWork(layout: RoundLayout): number {
  const inputs = inputCiphertexts(layout), answers = answerCiphertexts(layout);
  return ciphertextWork * (inputs + answers) +
    blockSlots(layout) * (inputs + answers * layout.valuesPerCiphertext);
}

/** Numbers that a step adds, compares or maps for one sample. */
export function stepWork(
  step: GatewayStep,
  before: readonly number[],
  after: readonly number[],
): number {
  const terms = "kernel" in step
    ? elementCount(step.kernel)
    : step.op === "matmul"
    ? step.shape[step.shape.length - 1]
    : 1;
  const touched = elementCount(before) + elementCount(after) * terms;
  return hasTable(step) ? 2 * touched : touched;
}

/** Whether a step also makes tables of where each element comes from. */
function hasTable({ op }: GatewayStep): boolean {
  return op === "transpose" || op === "combine" || op === "reduce";
}

/**
 * The last round that reads each name: after it the activation is let go. Infinity for
 * those that an output is part of.
 */
export function lastReaders(
  { rounds, outputs }: Pick<InferencePlan, "rounds" | "outputs">,
): ReadonlyMap<string, number> {
  const last = new Map<string, number>();
  for (const [index, { layout, steps }] of rounds.entries()) {
    for (const { tensor } of layout.inputs) last.set(tensor, index);
    for (const step of steps) {
      const operand = operandOf(step);
      if (operand !== null) last.set(operand, index);
    }
  }
  for (const tensor of outputTensors({ outputs })) last.set(tensor, Infinity);
  return last;
}
