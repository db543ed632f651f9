/**
 * Predicted time of a round. The default costs are committed constants, not
 * measurements of this machine: every instance of the cloud must make the same
 * plan, for tokens carry the plan's hash.
 */
import {
  answerCiphertexts,
  inputCiphertexts,
} from "../../sdk/fixed_point/layout.ts";
import type { RoundLayout } from "../../sdk/wire/plan.ts";
import type { RoundSpec } from "../package/format.ts";
import { cheapestMethod, type Products } from "./products.ts";
import type { WeightProfile } from "./weight_profile.ts";

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

/** The cloud's milliseconds for one call (each shard's), on one core. */
export function callMilliseconds(
  { evaluateMs }: RoundForecast,
  { callMs }: Costs,
): number {
  return evaluateMs + callMs;
}

/** Splitting repeats tables and the upload: worth it only where much is saved. */
const minSavedShare = 0.1;
const minEvaluateMs = 5;

/**
 * Predicts a round under `layout`, split in two where that pays.
 *
 * @param profiles one for each term
 * @param shards a number of parts decided elsewhere
 */
export function forecastRound(
  round: RoundSpec,
  layout: RoundLayout,
  modulusBits: number,
  costs: Costs,
  profiles: readonly WeightProfile[],
  shards?: number,
): RoundForecast {
  if (shards !== undefined) {
    return forecastShards(shards, round, layout, modulusBits, costs, profiles);
  }
  const whole = forecastShards(1, round, layout, modulusBits, costs, profiles);
  if (
    whole.ciphertextsDown < 2 || whole.evaluateMs < minEvaluateMs
  ) return whole;
  const halves = forecastShards(2, round, layout, modulusBits, costs, profiles);
  return halves.totalMs < whole.totalMs - minSavedShare * whole.evaluateMs
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
  const { products } = cheapestMethod(round, layout, shardAnswers, profiles);
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
