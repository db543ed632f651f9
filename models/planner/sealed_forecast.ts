/**
 * What a sealed inference will cost: exact bytes, and seconds by the planner's costs.
 *
 * @module
 */
import {
  answerCiphertexts,
  inputCiphertexts,
} from "../../sdk/fixed_point/layout.ts";
import {
  batchesOf,
  sealedRounds,
} from "../../sdk/garbling/rounds/sealed_rounds.ts";
import type { SealedRound } from "../../sdk/garbling/rounds/round.ts";
import { andGates, garbledBytes } from "../../sdk/garbling/rounds/run.ts";
import { sum } from "../../sdk/support/numbers.ts";
import {
  batchAnswerBytes,
  batchChoiceBytes,
  setupAnswerBytes,
  setupRequestBytes,
} from "../../sdk/transfer/chain.ts";
import type { ModelPackage } from "../package/format.ts";
import { type Costs, forecastRound } from "./cost_model.ts";
import { describePacking } from "./forecast.ts";
import { perAnd, perBatch, perChoice } from "./garbling_costs.ts";
import { planSealed } from "./sealed.ts";
import { weightProfiles } from "./weight_profile.ts";

/** One round, its linear and its garbled call. */
export interface SealedRoundForecast {
  name: string;
  packing: string;
  ciphertextsUp: number;
  ciphertextsDown: number;
  /** Bits of answers that are chosen. */
  choices: number;
  /** AND gates of all lanes; one whose operand the functions know counts as half. */
  andGates: number;
  bytesUp: number;
  bytesDown: number;
  /** The gateway's: encryption, decryption, transfers, evaluating circuits. */
  gatewayMs: number;
  /** The functions': the linear layer, transfers, garbling. */
  functionsMs: number;
  /** Bytes on the wire, and the two calls. */
  lineMs: number;
  /** Less than the sum: tables are garbled, travel and are evaluated at the same time. */
  totalMs: number;
}

export interface SealedForecast {
  rounds: SealedRoundForecast[];
  total: Omit<SealedRoundForecast, "name" | "packing">;
  /** Beginning oblivious transfer, once a gateway process. */
  setup: { bytesUp: number; bytesDown: number };
}

/** Of a round's two calls beside what they are for: tokens, which carry N, salt and names. */
const framing = (modulusBits: number) => ({
  up: 3 * modulusBits / 8 + 1000,
  down: 2 * modulusBits / 8 + 640,
});

/**
 * Prices the plan that the functions make of a sealed model.
 *
 * @throws as `planSealed` and `sealedRounds`
 */
export function forecastSealed(
  model: ModelPackage,
  { modulusBits, samples, costs }: {
    modulusBits: number;
    samples: number;
    costs: Costs;
  },
): SealedForecast {
  const plan = planSealed(model, { modulusBits, samples });
  const made = sealedRounds(plan), batches = batchesOf(made);
  const rounds = model.manifest.rounds.map((round, index) => {
    const { layout } = plan.rounds[index];
    const profiles = weightProfiles(round, model.tensors);
    const linear = forecastRound(round, layout, {
      modulusBits,
      costs,
      profiles,
      shards: 1,
    });
    const size = batches[index], hasBatch = size > 0;
    const batch = hasBatch
      ? { up: batchChoiceBytes(size), down: batchAnswerBytes(size) }
      : { up: 0, down: 0 };
    const garbled = garbledPart(made[index]);
    const bytesUp = linear.bytesUp + batch.up + garbled.bytesUp +
      framing(modulusBits).up;
    const bytesDown = linear.bytesDown + batch.down + garbled.bytesDown +
      framing(modulusBits).down;
    const gatewayMs = linear.encryptMs + linear.decryptMs +
      garbled.choices * perChoice + garbled.andGates * perAnd.evaluate +
      (hasBatch ? perBatch.gateway : 0);
    const functionsMs = linear.evaluateMs + garbled.choices * perChoice +
      garbled.andGates * perAnd.garble + (hasBatch ? perBatch.functions : 0);
    const lineMs = (bytesUp + bytesDown) * costs.byteMs + 2 * costs.callMs;
    // Tables are garbled, travel and are evaluated at the same time.
    const streamed = [
      garbled.andGates * perAnd.garble,
      garbled.andGates * perAnd.evaluate,
      garbled.bytesDown * costs.byteMs,
    ];
    const overlappedMs = sum(streamed) - Math.max(...streamed);
    return {
      name: round.name,
      packing: describePacking(layout),
      ciphertextsUp: inputCiphertexts(layout),
      ciphertextsDown: answerCiphertexts(layout),
      choices: garbled.choices,
      andGates: garbled.andGates,
      bytesUp,
      bytesDown,
      gatewayMs,
      functionsMs,
      lineMs,
      totalMs: gatewayMs + functionsMs + lineMs - overlappedMs,
    };
  });
  return {
    rounds,
    total: totalOf(rounds),
    setup: { bytesUp: setupRequestBytes, bytesDown: setupAnswerBytes },
  };
}

function garbledPart({ chosen, stages }: SealedRound) {
  const choices = chosen.bit.length;
  return {
    choices,
    andGates: andGates(stages),
    bytesUp: Math.ceil(choices / 8),
    bytesDown: garbledBytes(stages),
  };
}

function totalOf(
  rounds: readonly SealedRoundForecast[],
): SealedForecast["total"] {
  const of = (key: keyof SealedForecast["total"]) =>
    sum(rounds.map((round) => round[key]));
  return {
    ciphertextsUp: of("ciphertextsUp"),
    ciphertextsDown: of("ciphertextsDown"),
    choices: of("choices"),
    andGates: of("andGates"),
    bytesUp: of("bytesUp"),
    bytesDown: of("bytesDown"),
    gatewayMs: of("gatewayMs"),
    functionsMs: of("functionsMs"),
    lineMs: of("lineMs"),
    totalMs: of("totalMs"),
  };
}
