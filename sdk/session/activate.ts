/**
 * A round's activation from its decrypted answers; total, whatever they are.
 *
 * @module
 */
import { applySteps } from "../activations/apply.ts";
import type { ActivationRegistry } from "../activations/registry.ts";
import {
  elementCount,
  type IntegerTensor,
} from "../fixed_point/integer_tensor.ts";
import { inputCiphertexts } from "../fixed_point/layout.ts";
import { packInputs, unpackAnswers } from "../fixed_point/packing.ts";
import type { RoundLayout, RoundPlan } from "../wire/plan.ts";
import { countClamped, countImpossible } from "./saturation.ts";

/** What a round's plaintexts are worked up with. */
export interface ActivationContext {
  modulus: bigint;
  activations?: ActivationRegistry;
  /** Keeps a fault, to be told once nothing is sent any more. */
  keep(fault: unknown): void;
}

/** The activation of a round, and how many of its values were clamped. */
export interface Activated {
  output: IntegerTensor;
  clampedValues: number;
}

/**
 * The activation that a round writes, from its decrypted answers. Never throws: a
 * fault here could depend on a plaintext, and whether the next request comes would
 * tell it to the cloud. It is kept, and zeros go on in its place.
 *
 * @param shape of one sample of the result, as the plan gives it
 */
export function activate(
  { layout, steps }: RoundPlan,
  shape: number[],
  residues: readonly bigint[],
  { modulus, activations, keep }: ActivationContext,
): Activated {
  try {
    let output = unpackAnswers(layout, residues);
    let clampedValues = countImpossible(layout, residues, output, modulus);
    for (const step of steps) {
      clampedValues += countClamped(step, output);
      output = applySteps([step], output, activations, keep);
    }
    return { output, clampedValues };
  } catch (fault) {
    keep(fault);
    const samples = Array.from(
      { length: layout.samples },
      () => new Float64Array(elementCount(shape)),
    );
    return { output: { shape, samples }, clampedValues: 0 };
  }
}

/** The plaintexts of a round's input; never throws, as {@linkcode activate}. */
export function packOrZeros(
  layout: RoundLayout,
  live: ReadonlyMap<string, IntegerTensor>,
  { modulus, keep }: ActivationContext,
): bigint[] {
  try {
    return packInputs(layout, live, modulus);
  } catch (fault) {
    keep(fault);
    return Array(inputCiphertexts(layout)).fill(0n);
  }
}
