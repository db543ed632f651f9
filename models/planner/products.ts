/** Counts of the cloud's work, estimated without evaluating anything. */
import { elementCount } from "../../sdk/fixed_point/edge_tensor.ts";
import {
  answerCiphertexts,
  blockSlots,
  inputCiphertexts,
  outputValues,
} from "../../sdk/fixed_point/layout.ts";
import type { RoundLayout } from "../../sdk/wire/plan.ts";
import type { IntegerTensor, RoundSpec, Term } from "../package_format.ts";

/** What the cost of a linear map depends on besides its shape. */
export interface WeightProfile {
  /** Bits of the largest weight, sign included. */
  bits: number;
  /** Share of weights that are not zero. */
  density: number;
}

/** Assumed where the weights are not at hand. */
const nominalWeights: WeightProfile = { bits: 4, density: 0.8 };

/** A profile for each term of the round; a nominal one without its weights. */
export function weightProfiles(
  round: RoundSpec,
  tensors: ReadonlyMap<string, IntegerTensor> = new Map(),
): WeightProfile[] {
  return round.terms.map(({ weights }) => weightProfile(tensors.get(weights)));
}

function weightProfile(tensor: IntegerTensor | undefined): WeightProfile {
  if (!tensor) return nominalWeights;
  let largest = 0, nonzeros = 0;
  for (const weight of tensor.data) {
    largest = Math.max(largest, Math.abs(weight));
    if (weight !== 0) nonzeros++;
  }
  return {
    bits: Math.max(2, largest.toString(2).length + 1),
    density: nonzeros / tensor.data.length,
  };
}

/** Of one table: beyond this its entries leave the caches and most go unused. */
const mostCombinations = 4096;

/** Counts of kernel operations. */
export interface Products {
  multiplications: number;
  squarings: number;
}

/**
 * Estimated products of one call that evaluates `shardAnswers` answers of the
 * round: inversions, shifted copies, tables over the inputs, one product for each
 * group of weights, packing. Values are brought to their slots by squarings of
 * the values, or of the inputs where those are fewer.
 *
 * @param profiles one for each term
 */
export function evaluationProducts(
  round: RoundSpec,
  layout: RoundLayout,
  shardAnswers: number,
  profiles: readonly WeightProfile[],
): Products {
  const share = shardAnswers / answerCiphertexts(layout);
  const values = outputValues(layout) * share;
  const inputs = inputCiphertexts(layout);
  const blockBits = blockSlots(layout) * layout.slotBits;
  const packed = Math.max(0, values - shardAnswers);
  const places = layout.valuesPerCiphertext;
  const shiftedValues = {
    multiplications: packed,
    squarings: packed * blockBits,
  };
  const shiftedInputs = {
    multiplications: 0,
    squarings: inputs * (places - 1) * blockBits,
  };
  const aligned = {
    multiplications: 3 * inputs,
    squarings: layout.kind === "dense"
      ? inputs * (layout.fold - 1) * layout.samples * layout.slotBits
      : 0,
  };
  return cheaper(
    add(
      aligned,
      shiftedValues,
      sumsOfProducts(round, layout, values, 1, profiles),
    ),
    add(
      aligned,
      shiftedInputs,
      sumsOfProducts(round, layout, values, places, profiles),
    ),
  );
}

/** Products of all terms, with the tables built `passes` times. */
function sumsOfProducts(
  round: RoundSpec,
  layout: RoundLayout,
  values: number,
  passes: number,
  profiles: readonly WeightProfile[],
): Products {
  const terms = round.terms.map((term, t) => {
    const operands = layout.kind === "dense"
      ? layout.inputs[t].length
      : layout.inputs[t].shape[0] * layout.inputs[t].offsets.length;
    const uses = values * termFanIn(term);
    return sumOfProducts(operands * passes, uses, values, profiles[t]);
  });
  return add(...terms);
}

/**
 * Cheapest way to raise `operands` numbers to small signed weights: `uses`
 * weights in all, for `values` results. Weights are cut into digits; tables hold
 * every combination (up to sign) of one digit for each of `group` operands.
 */
function sumOfProducts(
  operands: number,
  uses: number,
  values: number,
  { bits, density }: WeightProfile,
): Products {
  const candidates: Products[] = [];
  for (let digitBits = 2; digitBits <= bits; digitBits++) {
    const digits = Math.ceil(bits / digitBits);
    const digitValues = 2 ** digitBits - 1;
    for (
      let group = 1;
      group === 1 || digitValues ** group <= mostCombinations;
      group++
    ) {
      const combinations = digitValues ** group;
      // A group whose weights are all zero costs nothing.
      const occupied = 1 - (1 - density) ** group;
      candidates.push({
        multiplications: operands / group * (combinations - 1) / 2 +
          uses / group * occupied * digits,
        squarings: values * (digits - 1) * digitBits,
      });
    }
  }
  return candidates.reduce(cheaper);
}

function add(...parts: Products[]): Products {
  return parts.reduce((sum, part) => ({
    multiplications: sum.multiplications + part.multiplications,
    squarings: sum.squarings + part.squarings,
  }));
}

/** A square counts for 3/4 of a product. */
function cheaper(a: Products, b: Products): Products {
  const cost = (p: Products) => p.multiplications + 0.75 * p.squarings;
  return cost(b) < cost(a) ? b : a;
}

function termFanIn(term: Term): number {
  return term.kind === "dense"
    ? term.length
    : term.inputShape[0] / term.groups * elementCount(term.kernel);
}
