/**
 * Predicted time of a round. The default costs are committed constants, not
 * measurements of this machine: every instance of the cloud must make the same
 * plan, for tokens carry the plan's hash.
 */
import { elementCount } from "../sdk/fixed_point/edge_tensor.ts";
import {
  answerCiphertexts,
  blockSlots,
  inputCiphertexts,
  outputValues,
} from "../sdk/fixed_point/layout.ts";
import type { RoundLayout } from "../sdk/wire/plan.ts";
import type { IntegerTensor, RoundSpec, Term } from "./package_format.ts";

/** Milliseconds on one core unless stated otherwise. */
export interface Costs {
  /** A ciphertext from the pool, and the part of its refill that is not hidden. */
  encryptMs: number;
  /** A decryption with both of two cores at work. */
  decryptMs: number;
  /** A product modulo N^2. */
  multiplyMs: number;
  squareMs: number;
  /** Bringing a ciphertext into the kernel and checking it. */
  loadMs: number;
  /** Fresh randomness and mask of an answer, and its way out of the kernel. */
  rerandomiseMs: number;
  /** A byte on the wire. */
  byteMs: number;
  /** A call: HTTP, token, hash. */
  callMs: number;
}

/** Costs at the key sizes measured; between them and beyond, by a power law. */
const measuredCosts: [modulusBits: number, costs: Costs][] = [
  [512, costs(0.008, 0.015, 0.000163, 0.000159, 0.003, 0.04)],
  [1024, costs(0.015, 0.1, 0.000481, 0.000415, 0.006, 0.12)],
  [2048, costs(0.04, 0.6, 0.0019, 0.00147, 0.012, 0.5)],
  [3072, costs(0.09, 1.95, 0.00412, 0.003, 0.02, 1.1)],
  [4096, costs(0.16, 4.5, 0.0075, 0.0057, 0.03, 2)],
];

function costs(
  encryptMs: number,
  decryptMs: number,
  multiplyMs: number,
  squareMs: number,
  loadMs: number,
  rerandomiseMs: number,
): Costs {
  return {
    encryptMs,
    decryptMs,
    multiplyMs,
    squareMs,
    loadMs,
    rerandomiseMs,
    byteMs: 0.0001,
    callMs: 3,
  };
}

/** The committed costs at a key size. */
export function defaultCosts(modulusBits: number): Costs {
  const last = measuredCosts.length - 1;
  const above = measuredCosts.findIndex(([bits]) => bits >= modulusBits);
  const upper = Math.max(1, above === -1 ? last : above);
  const [[bits0, low], [bits1, high]] = measuredCosts.slice(upper - 1);
  const position = Math.log(modulusBits / bits0) / Math.log(bits1 / bits0);
  const names = Object.keys(low) as (keyof Costs)[];
  return Object.fromEntries(
    names.map((name) => [
      name,
      low[name] * (high[name] / low[name]) ** position,
    ]),
  ) as unknown as Costs;
}

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
    bits: largest.toString(2).length + 1,
    density: nonzeros / tensor.data.length,
  };
}

/** Counts of kernel operations. */
export interface Products {
  multiplications: number;
  squarings: number;
}

/**
 * Estimated products of one call that evaluates `shardAnswers` answers of the
 * round: inversion of the inputs, shifted copies, tables over them, one product
 * for each group of weights, Horner packing.
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
  const packed = Math.max(0, values - shardAnswers);
  const inputs = inputCiphertexts(layout);
  const blockBits = blockSlots(layout) * layout.slotBits;
  const products = {
    multiplications: 3 * inputs + packed,
    squarings: packed * blockBits,
  };
  if (layout.kind === "dense") {
    products.squarings += inputs * (layout.fold - 1) * layout.samples *
      layout.slotBits;
  }
  round.terms.forEach((term, t) => {
    const operands = layout.kind === "dense"
      ? layout.inputs[t].length
      : layout.inputs[t].shape[0] * layout.inputs[t].offsets.length;
    const uses = values * termFanIn(term);
    const sums = sumOfProducts(operands, uses, values, profiles[t]);
    products.multiplications += sums.multiplications;
    products.squarings += sums.squarings;
  });
  return products;
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
  let best: Products = { multiplications: Infinity, squarings: 0 };
  for (let digitBits = 2; digitBits <= bits; digitBits++) {
    const digits = Math.ceil(bits / digitBits);
    for (let group = 1; group <= 4; group++) {
      const combinations = (2 ** digitBits - 1) ** group;
      // A group whose weights are all zero costs nothing.
      const occupied = 1 - (1 - density) ** group;
      const candidate = {
        multiplications: operands / group * (combinations - 1) / 2 +
          uses / group * occupied * digits,
        squarings: values * (digits - 1) * digitBits,
      };
      if (
        candidate.multiplications + candidate.squarings <
          best.multiplications + best.squarings
      ) best = candidate;
    }
  }
  return best;
}

function termFanIn(term: Term): number {
  return term.kind === "dense"
    ? term.length
    : term.inputShape[0] / term.groups * elementCount(term.kernel);
}

/** Forecast of a round, once for `layout.samples` samples. */
export interface RoundForecast {
  ciphertextsUp: number;
  ciphertextsDown: number;
  bytesUp: number;
  bytesDown: number;
  /** Parts asked for in parallel; 1 where splitting does not pay. */
  shards: number;
  /** Of one call (each shard's). */
  products: Products;
  encryptMs: number;
  transferMs: number;
  /** The cloud's time until the last shard is done. */
  evaluateMs: number;
  decryptMs: number;
  totalMs: number;
}

/** Splitting repeats tables and the upload: worth it only where much is saved. */
const leastSavedShare = 0.25;
const leastEvaluateMs = 30;

/**
 * Predicts a round under `layout`, split in two where that pays.
 *
 * @param profiles one for each term
 */
export function forecastRound(
  round: RoundSpec,
  layout: RoundLayout,
  modulusBits: number,
  costs: Costs,
  profiles: readonly WeightProfile[],
): RoundForecast {
  const whole = forecastShards(1, round, layout, modulusBits, costs, profiles);
  if (
    whole.ciphertextsDown < 2 || whole.evaluateMs < leastEvaluateMs
  ) return whole;
  const halves = forecastShards(2, round, layout, modulusBits, costs, profiles);
  return halves.totalMs < whole.totalMs - leastSavedShare * whole.evaluateMs
    ? halves
    : whole;
}

function forecastShards(
  shards: number,
  round: RoundSpec,
  layout: RoundLayout,
  modulusBits: number,
  costs: Costs,
  profiles: readonly WeightProfile[],
): RoundForecast {
  const ciphertextBytes = 2 * Math.ceil(modulusBits / 8);
  const inputs = inputCiphertexts(layout);
  const answers = answerCiphertexts(layout);
  const shardAnswers = Math.ceil(answers / shards);
  const products = evaluationProducts(round, layout, shardAnswers, profiles);
  const bytesUp = shards * inputs * ciphertextBytes;
  const bytesDown = answers * ciphertextBytes;
  const encryptMs = inputs * costs.encryptMs;
  const transferMs = (bytesUp + bytesDown) * costs.byteMs + costs.callMs;
  const evaluateMs = inputs * costs.loadMs +
    products.multiplications * costs.multiplyMs +
    products.squarings * costs.squareMs +
    shardAnswers * costs.rerandomiseMs;
  const decryptMs = answers * costs.decryptMs;
  return {
    ciphertextsUp: inputs,
    ciphertextsDown: answers,
    bytesUp,
    bytesDown,
    shards,
    products,
    encryptMs,
    transferMs,
    evaluateMs,
    decryptMs,
    totalMs: encryptMs + transferMs + evaluateMs + decryptMs,
  };
}
