/**
 * Predicted time of a round. The default costs are committed constants, not
 * measurements of this machine: every instance of the cloud must make the same
 * plan, for tokens carry the plan's hash.
 *
 * @module
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
  /** A randomiser for the pool, with both of two cores at work. */
  randomiserMs: number;
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

/** Key sizes measured; between them and beyond, costs follow a power law. */
const measuredBits = [512, 1024, 2048, 3072, 4096];
/**
 * Costs at these sizes, for keys with as many primes as new ones have and banks cut for
 * inferences of 150 answers: least processor times of a busy machine (AMD EPYC 9005),
 * halved where both cores work.
 */
const measuredCosts: Omit<Record<keyof Costs, number[]>, "byteMs" | "callMs"> =
  {
    encryptMs: [0.008, 0.015, 0.04, 0.09, 0.16],
    randomiserMs: [0.013, 0.035, 0.08, 0.17, 0.25],
    decryptMs: [0.024, 0.1, 0.3, 0.81, 1.13],
    multiplyMs: [0.000164, 0.00049, 0.0019, 0.0039, 0.0071],
    squareMs: [0.000135, 0.00039, 0.00142, 0.0029, 0.0049],
    loadMs: [0.003, 0.006, 0.012, 0.02, 0.03],
    rerandomiseMs: [0.036, 0.12, 0.56, 1.7, 3.5],
  };

/** The committed costs at a key size. */
export function defaultCosts(modulusBits: number): Costs {
  const last = measuredBits.length - 1;
  const above = measuredBits.findIndex((bits) => bits >= modulusBits);
  const upper = Math.max(1, above === -1 ? last : above);
  const [bits0, bits1] = measuredBits.slice(upper - 1);
  const position = Math.log(modulusBits / bits0) / Math.log(bits1 / bits0);
  const at = (costs: number[]) => {
    const [low, high] = costs.slice(upper - 1);
    return low * (high / low) ** position;
  };
  return {
    encryptMs: at(measuredCosts.encryptMs),
    randomiserMs: at(measuredCosts.randomiserMs),
    decryptMs: at(measuredCosts.decryptMs),
    multiplyMs: at(measuredCosts.multiplyMs),
    squareMs: at(measuredCosts.squareMs),
    loadMs: at(measuredCosts.loadMs),
    rerandomiseMs: at(measuredCosts.rerandomiseMs),
    byteMs: 0.0001,
    callMs: 3,
  };
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

/** What the forecast of a round depends on beside its layout. */
export interface ForecastOptions {
  modulusBits: number;
  costs: Costs;
  /** One for each term. */
  profiles: readonly WeightProfile[];
  /** A number of parts decided elsewhere. */
  shards?: number;
}

/** Predicts a round under `layout`, split in two where that pays. */
export function forecastRound(
  round: RoundSpec,
  layout: RoundLayout,
  options: ForecastOptions,
): RoundForecast {
  const inParts = (shards: number) =>
    forecastShards(round, layout, { ...options, shards });
  if (options.shards !== undefined) return inParts(options.shards);
  const whole = inParts(1);
  if (
    whole.ciphertextsDown < 2 || whole.evaluateMs < minEvaluateMs
  ) return whole;
  const halves = inParts(2);
  return halves.totalMs < whole.totalMs - minSavedShare * whole.evaluateMs
    ? halves
    : whole;
}

function forecastShards(
  round: RoundSpec,
  layout: RoundLayout,
  { modulusBits, costs, profiles, shards }: Required<ForecastOptions>,
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
