/** The planner: chooses how every round is packed. */
import { headroomBits } from "../../sdk/fixed_point/layout.ts";
import type { InferencePlan, RoundLayout } from "../../sdk/wire/plan.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import {
  callMilliseconds,
  type Costs,
  defaultCosts,
  forecastRound,
  type RoundForecast,
} from "./cost_model.ts";
import type { Manifest, RoundSpec, WeightTensor } from "../package/format.ts";
import { denseLayouts } from "./dense.ts";
import { weightProfiles } from "./weight_profile.ts";
import { plainSlotBits } from "./slot_width.ts";
import { spatialLayouts } from "./spatial.ts";

export interface PlanOptions {
  /** Bits of the edge's modulus N. */
  modulusBits: number;
  /** Samples per inference, side by side in the slots. */
  samples: number;
  /** Defaults to the committed costs of the key size. */
  costs?: Costs;
  /** The package's weights, for a closer forecast of the cloud's work. */
  tensors?: ReadonlyMap<string, WeightTensor>;
  /** What one call may take; unlimited by default. */
  callLimits?: CallLimits;
}

/** Rounds are split into shards until each fits. */
export interface CallLimits {
  /** Predicted milliseconds of the cloud, on one core (`callMilliseconds`). */
  maxMillisecondsPerCall: number;
  /** Most parts of a round. */
  shards: number;
}

/** One way to pack a round and what it would cost. */
export interface RoundCandidate {
  layout: RoundLayout;
  forecast: RoundForecast;
}

/**
 * Plans an inference: for each round the layout of least predicted time. The
 * same arguments give the same plan on every machine.
 *
 * @throws {RangeError} if `modulusBits` or `samples` is not a positive integer
 * @throws {Error} if a round does not fit a plaintext, naming round and numbers
 * @throws {CipherlayerError} `too-much-work` if a round cannot be split into calls small enough
 */
export function planInference(
  manifest: Manifest,
  options: PlanOptions,
): InferencePlan {
  return {
    samples: options.samples,
    input: manifest.input,
    rounds: manifest.rounds.map((round) => {
      const [{ layout, forecast }] = planRound(round, options);
      const { steps, writes } = round;
      return { layout, steps, writes, shards: forecast.shards };
    }),
    output: { ...manifest.output, reveal: manifest.reveal },
  };
}

/**
 * Most samples that an inference under a key of `modulusBits` may carry side by
 * side; 0 where not even one fits.
 *
 * @throws {Error} if a round's accumulators fit no slot
 */
export function maxSamples(manifest: Manifest, modulusBits: number): number {
  return manifest.rounds.reduce(
    (max, round) =>
      Math.min(
        max,
        Math.floor((modulusBits - headroomBits) / plainSlotBits(round)),
      ),
    Infinity,
  );
}

/**
 * Every way to pack one round, the cheapest first.
 *
 * @throws as {@linkcode planInference}
 */
export function planRound(
  round: RoundSpec,
  { modulusBits, samples, tensors, callLimits = unlimited, ...options }:
    PlanOptions,
): RoundCandidate[] {
  for (const [name, value] of Object.entries({ modulusBits, samples })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(
        `Cannot plan: expected ${name} to be a positive integer, got ${value}`,
      );
    }
  }
  const costs = options.costs ?? defaultCosts(modulusBits);
  const profiles = weightProfiles(round, tensors);
  const layouts = round.terms[0].kind === "dense"
    ? denseLayouts(round, modulusBits, samples)
    : spatialLayouts(round, modulusBits, samples);
  if (layouts.length === 0) {
    throw new Error(
      `Cannot plan round "${round.name}": expected at most ${
        modulusBits - headroomBits
      } bits of a ${modulusBits}-bit plaintext, got ${samples} samples of ${
        plainSlotBits(round)
      } bits`,
    );
  }
  const candidates = layouts.map((layout) => {
    const forecast = (shards?: number) =>
      forecastRound(round, layout, { modulusBits, costs, profiles, shards });
    return { layout, forecast: splitToFit(forecast, costs, callLimits) };
  });
  const fitting = candidates.filter(({ forecast }) =>
    fits(forecast, costs, callLimits)
  );
  if (fitting.length === 0) {
    const minMs = Math.min(
      ...candidates.map(({ forecast }) => callMilliseconds(forecast, costs)),
    );
    throw new CipherlayerError(
      "too-much-work",
      `Cannot plan round "${round.name}": expected calls of at most ${callLimits.maxMillisecondsPerCall} ms, got ${
        Math.ceil(minMs)
      } ms in ${callLimits.shards} parts or as many as it has answers`,
    );
  }
  return fitting.sort((a, b) => a.forecast.totalMs - b.forecast.totalMs);
}

const unlimited: CallLimits = {
  maxMillisecondsPerCall: Infinity,
  shards: Infinity,
};

function fits(
  forecast: RoundForecast,
  costs: Costs,
  { maxMillisecondsPerCall }: CallLimits,
): boolean {
  return callMilliseconds(forecast, costs) <= maxMillisecondsPerCall;
}

/**
 * The forecast in as many parts as time gains by, and then twice as many until a call
 * fits; the one of most parts where none does.
 */
function splitToFit(
  forecastIn: (shards?: number) => RoundForecast,
  costs: Costs,
  limits: CallLimits,
): RoundForecast {
  let forecast = forecastIn();
  const max = Math.min(limits.shards, forecast.ciphertextsDown);
  while (!fits(forecast, costs, limits) && forecast.shards < max) {
    forecast = forecastIn(Math.min(2 * forecast.shards, max));
  }
  return forecast;
}
