/**
 * What the cloud does to the plaintexts inside its ciphertexts, on integers in
 * the clear: the specification of an encrypted round (`RoundLayout` gives the
 * geometry). A product of ciphertext powers is here a sum of multiples, a shift
 * C^(2^d) a multiplication by 2^d, everything modulo N.
 */
import {
  answerCiphertexts,
  blockSlots,
  spillSlots,
  usedSlots,
  valuesInAnswer,
} from "../../sdk/fixed_point/layout.ts";
import type {
  DenseLayout,
  RoundLayout,
  SpatialLayout,
} from "../../sdk/wire/plan.ts";
import { tensorNamed } from "../../models/package/bounds.ts";
import type {
  ConvolutionTerm,
  DenseTerm,
  RoundSpec,
  WeightTensor,
} from "../../models/package/format.ts";

/** What a round computes on. */
interface SlotInputs {
  tensors: ReadonlyMap<string, WeightTensor>;
  /** Of the input ciphertexts, in order. */
  plaintexts: readonly bigint[];
}

/**
 * Plaintexts of the answers, in [0, modulus).
 *
 * @param options.uniform an integer in [0, bound), from the seed of the request
 */
export function evaluateSlots(
  round: RoundSpec,
  layout: RoundLayout,
  { modulus, uniform, ...given }: SlotInputs & {
    modulus: bigint;
    uniform: (bound: bigint) => bigint;
  },
): bigint[] {
  const slotBits = BigInt(layout.slotBits);
  const blockBits = BigInt(blockSlots(layout)) * slotBits;
  return Array.from({ length: answerCiphertexts(layout) }, (_, answer) => {
    const used = usedSlots(layout, answer);
    const spill = BigInt(spillSlots(layout));
    let sum = 0n;
    // Horner, so that blocks are shifted together.
    for (let i = valuesInAnswer(layout, answer) - 1; i >= 0; i--) {
      const value = answer * layout.valuesPerCiphertext + i;
      sum = (sum << blockBits) +
        (layout.kind === "dense"
          ? denseValue(round, layout, given, value)
          : spatialValue(round, layout, given, value));
    }
    sum += slotsOf(used + Number(spill), slotBits, () => 1n << (slotBits - 1n));
    if (layout.kind === "dense") {
      sum += slotsOf(
        used,
        slotBits,
        (slot) => isGarbage(layout, slot) ? uniform(1n << slotBits) : 0n,
      );
    }
    // The mask above the used slots; everything together stays below N.
    const usedBits = BigInt(used) * slotBits;
    const masks = (modulus >> usedBits) - (1n << (spill * slotBits)) + 1n;
    sum += uniform(masks) << usedBits;
    return ((sum % modulus) + modulus) % modulus;
  });
}

/** One value of a convolution round: its weights times the inputs it reads. */
function spatialValue(
  round: RoundSpec,
  layout: SpatialLayout,
  { tensors, plaintexts }: SlotInputs,
  value: number,
): bigint {
  const [channels] = layout.output;
  const phases = layout.tile[0] * layout.tile[1];
  const channel = Math.floor(value / phases);
  const phaseY = Math.floor(value % phases / layout.tile[1]);
  const phaseX = value % layout.tile[1];
  const bias = tensorNamed(tensors, round.bias).data[channel];
  let sum = slotsOf(
    blockSlots(layout),
    BigInt(layout.slotBits),
    () => BigInt(bias),
  );
  let firstCiphertext = 0;
  (round.terms as ConvolutionTerm[]).forEach((term, t) => {
    const { shape, offsets } = layout.inputs[t];
    const weights = tensorNamed(tensors, term.weights).data;
    const groupInputs = shape[0] / term.groups;
    const group = Math.floor(channel / (channels / term.groups));
    for (let ci = 0; ci < groupInputs; ci++) {
      for (let ky = 0; ky < term.kernel[0]; ky++) {
        for (let kx = 0; kx < term.kernel[1]; kx++) {
          const y = term.stride[0] * phaseY + term.dilation[0] * ky -
            term.pads[0];
          const x = term.stride[1] * phaseX + term.dilation[1] * kx -
            term.pads[1];
          const offset = offsets.findIndex((at) => at[0] === y && at[1] === x);
          if (offset === -1) continue; // zero in every slot
          const ciphertext = firstCiphertext +
            (group * groupInputs + ci) * offsets.length + offset;
          const weight = weights[
            ((channel * groupInputs + ci) * term.kernel[0] + ky) *
              term.kernel[1] + kx
          ];
          sum += BigInt(weight) * plaintexts[ciphertext];
        }
      }
    }
    firstCiphertext += shape[0] * offsets.length;
  });
  return sum;
}

/** One value of a dense round: its weights times shifted copies of the inputs. */
function denseValue(
  round: RoundSpec,
  layout: DenseLayout,
  { tensors, plaintexts }: SlotInputs,
  value: number,
): bigint {
  const { fold, samples } = layout;
  const slotBits = BigInt(layout.slotBits);
  const bias = tensorNamed(tensors, round.bias).data[value];
  let sum = slotsOf(
    fold * samples,
    slotBits,
    (slot) => isGarbage(layout, slot) ? 0n : BigInt(bias),
  );
  let element = 0;
  for (const term of round.terms as DenseTerm[]) {
    const weights = tensorNamed(tensors, term.weights).data;
    for (let i = 0; i < term.length; i++, element++) {
      const weight = weights[value * term.length + i];
      const up = BigInt((fold - 1 - element % fold) * samples) * slotBits;
      sum += BigInt(weight) *
        (plaintexts[Math.floor(element / fold)] << up);
    }
  }
  return sum << BigInt(layout.guardBits);
}

/** Whether a slot of an answer lies outside the useful block of its value. */
function isGarbage({ fold, samples }: DenseLayout, slot: number): boolean {
  return slot % (fold * samples) < (fold - 1) * samples;
}

function slotsOf(
  count: number,
  slotBits: bigint,
  content: (slot: number) => bigint,
): bigint {
  let sum = 0n;
  for (let slot = count - 1; slot >= 0; slot--) {
    sum = (sum << slotBits) + content(slot);
  }
  return sum;
}
