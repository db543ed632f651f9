/**
 * What an inference will cost on one machine: the cloud's plan priced anew.
 *
 * @module
 */
import {
  answerCiphertexts,
  blockSlots,
  foldOf,
  inputCiphertexts,
  outputValues,
} from "../../sdk/fixed_point/layout.ts";
import { wasmKernel } from "../../sdk/paillier/wasm/kernel_wasm.ts";
import type { RoundLayout } from "../../sdk/wire/plan.ts";
import { type Costs, forecastRound, type RoundForecast } from "./cost_model.ts";
import { platformRandom } from "../../sdk/support/random.ts";
import type { ModelPackage } from "../package/format.ts";
import { type CallLimits, planRound } from "./plan.ts";
import { weightProfiles } from "./weight_profile.ts";
import { guardModel } from "../protections/guard_model.ts";
import { protectionsOf } from "../protections/profile.ts";

/** A round as planned, and the other packings that the planner weighed. */
export interface PlannedRound {
  name: string;
  chosen: PricedLayout;
  /** Cheapest first, at most `maxRejected`. */
  rejected: PricedLayout[];
}

export interface PricedLayout {
  /** The packing in words. */
  packing: string;
  forecast: RoundForecast;
  /** Of one call at the cloud, about. */
  memoryBytes: number;
}

/** Sum over rounds. */
export type InferenceForecast = Pick<
  RoundForecast,
  | "ciphertextsUp"
  | "ciphertextsDown"
  | "bytesUp"
  | "bytesDown"
  | "encryptMs"
  | "transferMs"
  | "evaluateMs"
  | "decryptMs"
  | "totalMs"
>;

/**
 * Prices every round of the plan that the cloud makes (from committed costs, so
 * that all instances agree) with this machine's `costs`: of the model as it is
 * served, with the rounds and decoys of its privacy profile.
 *
 * @param options.maxRejected how many alternatives of a round to list
 * @throws as `planRound`
 */
export function forecastInference(
  model: ModelPackage,
  options: {
    modulusBits: number;
    samples: number;
    costs: Costs;
    maxRejected: number;
    /** What one call may take, by the committed costs; unlimited by default. */
    callLimits?: CallLimits;
  },
): { rounds: PlannedRound[]; total: InferenceForecast } {
  const { modulusBits, samples, costs, maxRejected, callLimits } = options;
  const protections = protectionsOf(model.manifest);
  const { manifest, tensors } =
    guardModel(model, protections, platformRandom).model;
  const rounds = manifest.rounds.map((round) => {
    const profiles = weightProfiles(round, tensors);
    const candidates = planRound(round, {
      modulusBits,
      samples,
      tensors,
      callLimits,
    })
      .map(({ layout, forecast }): PricedLayout => ({
        packing: describePacking(layout),
        forecast: forecastRound(round, layout, {
          modulusBits,
          costs,
          profiles,
          shards: forecast.shards,
        }),
        memoryBytes: callMemoryBytes(layout, modulusBits),
      }));
    const [chosen, ...others] = candidates;
    others.sort((a, b) => a.forecast.totalMs - b.forecast.totalMs);
    return {
      name: round.name,
      chosen,
      rejected: others.slice(0, maxRejected),
    };
  });
  return { rounds, total: sumForecasts(rounds.map((r) => r.chosen.forecast)) };
}

function sumForecasts(forecasts: readonly RoundForecast[]): InferenceForecast {
  const sum = (key: keyof InferenceForecast) =>
    forecasts.reduce((total, forecast) => total + forecast[key], 0);
  return {
    ciphertextsUp: sum("ciphertextsUp"),
    ciphertextsDown: sum("ciphertextsDown"),
    bytesUp: sum("bytesUp"),
    bytesDown: sum("bytesDown"),
    encryptMs: sum("encryptMs"),
    transferMs: sum("transferMs"),
    evaluateMs: sum("evaluateMs"),
    decryptMs: sum("decryptMs"),
    totalMs: sum("totalMs"),
  };
}

/** For example "tiles 3x4, 63 slots x 3 of 10 bits". */
export function describePacking(layout: RoundLayout): string {
  const slots = `${
    blockSlots(layout)
  } x ${layout.valuesPerCiphertext} slots of ${layout.slotBits} bits`;
  return layout.kind === "dense"
    ? `fold ${layout.fold}, ${slots}`
    : `tiles ${layout.tile.join("x")}, ${slots}`;
}

/** Copies of each input (itself, inverse, scratch), and entries of the largest joint table. */
const registersPerInput = 3;
const tableRegisters = 2048;
/** Two digit planes with a sign each, and what combines them. */
const registersPerValue = 8;

/**
 * About the most memory that one call takes at the cloud beside the model: the
 * kernel's registers, the request and the answers.
 */
export function callMemoryBytes(
  layout: RoundLayout,
  modulusBits: number,
): number {
  const ciphertextBytes = 2 * Math.ceil(modulusBits / 8);
  const inputs = inputCiphertexts(layout);
  const registers = registersPerInput * inputs + tableRegisters +
    registersPerValue * outputValues(layout) * foldOf(layout);
  return registers * wasmKernel.registerBytes(modulusBits) +
    (2 * inputs + answerCiphertexts(layout)) * ciphertextBytes;
}
