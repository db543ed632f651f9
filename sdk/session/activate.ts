/**
 * A round's activation from its decrypted answers; total, whatever they are.
 *
 * @module
 */
import { applySteps, shapeAfter } from "../activations/apply.ts";
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
 * @param accumulated shape of one sample of what the round gives
 * @param live earlier activations; those that steps keep are added
 */
export function activate(
  { layout, steps }: RoundPlan,
  accumulated: number[],
  residues: readonly bigint[],
  { modulus, activations, keep, live }: ActivationContext & {
    live: Map<string, IntegerTensor>;
  },
): Activated {
  try {
    let output = unpackAnswers(layout, residues);
    let clampedValues = countImpossible(layout, residues, output, modulus);
    for (const step of steps) {
      clampedValues += countClamped(step, output);
      output = applySteps([step], output, {
        registry: activations,
        onFault: keep,
        live,
      });
    }
    return { output, clampedValues };
  } catch (fault) {
    keep(fault);
    let shape = accumulated;
    for (const step of steps) {
      shape = shapeAfter(step, shape);
      if (step.op === "keep") live.set(step.as, zeros(shape, layout.samples));
    }
    return { output: zeros(shape, layout.samples), clampedValues: 0 };
  }
}

function zeros(shape: number[], count: number): IntegerTensor {
  const samples = Array.from(
    { length: count },
    () => new Float64Array(elementCount(shape)),
  );
  return { shape, samples };
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
